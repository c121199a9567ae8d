mod planning;
mod properties;
mod vectors;

use std::collections::BTreeMap;

use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use secrecy::zeroize::Zeroizing;
use serde_json::json;

use super::*;
use crate::primitives::placeholder::{Part, Placeholder, parts};

/// The instant of these tests.
const NOW: i64 = 1_700_000_000_999;

fn text(text: &str) -> Piece {
    Piece::Text(text.to_owned())
}

fn header(name: &str) -> Piece {
    Piece::Header(name.to_owned())
}

fn derivation(name: &str, how: Computation) -> Derivation {
    Derivation { name: name.to_owned(), how }
}

fn join(name: &str, pieces: Vec<Piece>) -> Derivation {
    derivation(name, Computation::Join { pieces, encoding: Encoding::Text })
}

fn sha256(name: &str, pieces: Vec<Piece>) -> Derivation {
    derivation(name, Computation::Sha256 { pieces, encoding: Encoding::Base64UrlUnpadded })
}

fn hmac(name: &str, key: Vec<Piece>, message: Vec<Piece>) -> Derivation {
    derivation(name, Computation::HmacSha256 { key, message, encoding: Encoding::HexLower })
}

fn sealed(name: &str, public_key: &str, pieces: Vec<Piece>) -> Derivation {
    let public_key = public_key.to_owned();
    derivation(name, Computation::RsaPkcs1 { public_key, pieces, encoding: Encoding::HexLower })
}

/// A source of bytes that anybody can guess.
fn sevens(bytes: &mut [u8]) -> std::io::Result<()> {
    bytes.fill(7);
    Ok(())
}

/// A request of these tests, whose places are filled without any escapes.
#[derive(Default)]
struct Request {
    url: &'static str,
    headers: Vec<(&'static str, String)>,
    body: String,
    secrets: BTreeMap<&'static str, String>,
    keys: BTreeMap<&'static str, PublicKey>,
    /// Every secret that was asked for.
    asked: Vec<(String, Stands)>,
    /// How often the body was asked for.
    bodies: usize,
}

impl Request {
    fn new(headers: &[(&'static str, &str)], body: &str) -> Self {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { url: "https://a.example/", headers, body: body.to_owned(), ..Self::default() }
    }

    fn with(mut self, name: &'static str, secret: &str) -> Self {
        self.secrets.insert(name, secret.to_owned());
        self
    }

    fn outline(&self) -> Outline<'_> {
        let written = |value| Written::Template(vec![value]);
        Outline {
            url: self.url,
            headers: self.headers.iter().map(|(name, value)| (*name, written(value.as_str()))).collect(),
            body: written(&self.body),
        }
    }

    fn fill(&self, template: &str, earlier: &Values<'_>) -> Result<Zeroizing<Vec<u8>>, String> {
        let mut filled = String::new();
        for part in parts(template) {
            filled.push_str(match part {
                Part::Text(text) => text,
                Part::Placeholder(Placeholder::Secret(name)) => self.secrets.get(name).ok_or(name)?,
                Part::Placeholder(Placeholder::Vehicle(_)) => "VIN",
                Part::Placeholder(Placeholder::Derived(name)) => {
                    earlier.get(name).ok_or_else(|| format!("{name} is not known"))?.expose_secret()
                }
            });
        }
        Ok(Zeroizing::new(filled.into_bytes()))
    }

    /// Plans and evaluates, and returns the values as text.
    fn derive(&mut self, derivations: &[Derivation]) -> Result<BTreeMap<String, String>, String> {
        self.derive_whole(derivations).map(|derived| {
            let values = derived.values.iter();
            values.map(|(name, value)| (name.to_owned(), value.expose_secret().to_owned())).collect()
        })
    }

    fn derive_whole<'d>(&mut self, derivations: &'d [Derivation]) -> Result<Derived<'d>, String> {
        let plan = Plan::new(derivations, &self.outline()).map_err(|error| error.to_string())?;
        let now = Timestamp::from_millisecond(NOW).unwrap();
        plan.evaluate(self, now, &mut sevens)
    }

    /// Plans and evaluates, and returns the value of the last derivation.
    fn last(&mut self, derivations: &[Derivation]) -> Result<String, String> {
        let mut values = self.derive(derivations)?;
        Ok(values.remove(&derivations.last().unwrap().name).unwrap())
    }
}

impl From<DerivationError> for String {
    fn from(error: DerivationError) -> Self {
        error.to_string()
    }
}

impl Material for Request {
    type Error = String;

    fn secret(&mut self, name: &str, stands: Stands) -> Result<&str, String> {
        self.asked.push((name.to_owned(), stands));
        self.secrets.get(name).map(String::as_str).ok_or_else(|| format!("no secret {name}"))
    }

    fn vehicle(&mut self, name: &str) -> Result<&str, String> {
        (name == "vin").then_some("VIN").ok_or_else(|| format!("no {name}"))
    }

    fn public_key(&self, name: &str) -> Option<&PublicKey> {
        self.keys.get(name)
    }

    fn header(&mut self, name: &str, earlier: &Values<'_>) -> Result<Vec<Zeroizing<Vec<u8>>>, String> {
        let named = self.headers.iter().filter(|(it, _)| it.eq_ignore_ascii_case(name));
        named.map(|(_, value)| self.fill(value, earlier)).collect()
    }

    fn body(&mut self, earlier: &Values<'_>) -> Result<Zeroizing<Vec<u8>>, String> {
        self.bodies += 1;
        self.fill(&self.body, earlier)
    }
}

#[test]
fn seals_with_the_named_key() {
    let modulus = Encoding::Base64UrlUnpadded.encode(&[0xff; 128]).unwrap();
    let key = PublicKey::from_jwk(&json!({"n": modulus.as_str(), "e": "AQAB"})).unwrap();
    let expected = key.encrypt(b"p4ssw0rd", &mut sevens).unwrap();
    let mut request = Request::new(&[], "password={derived:sealed}").with("password", "p4ssw0rd");
    request.keys.insert("certs", key);
    let derivations = [sealed("sealed", "certs", vec![text("{secret:password}")])];
    let expected = Encoding::HexLower.encode(&expected).unwrap();
    assert_eq!(request.last(&derivations).as_deref(), Ok(expected.as_str()));
    request.secrets.insert("password", "p".repeat(118));
    assert_eq!(
        request.last(&derivations).unwrap_err(),
        "the derivation sealed cannot be sealed: it is longer than the 117 bytes that the public key takes"
    );
}

#[test]
fn without_its_public_key_nothing_is_asked_for() {
    let mut request = Request::new(&[], "").with("password", "p4ssw0rd");
    let error = request.last(&[sealed("sealed", "certs", vec![text("{secret:password}")])]).unwrap_err();
    assert!(error.contains("the public key \"certs\", which no answer of this call has given"), "{error}");
    assert_eq!(request.asked, []);
}

#[test]
fn white_space_is_six_characters() {
    let mut request = Request::new(&[], "a \t\n\r\u{b}\u{c}b\u{a0}\u{85}\u{1c}\0c");
    let derived = request
        .derive(&[join("with", vec![Piece::Body]), join("without", vec![Piece::BodyWithoutWhiteSpace])]);
    let derived = derived.unwrap();
    assert_eq!(derived["with"], request.body);
    assert_eq!(derived["without"], "ab\u{a0}\u{85}\u{1c}\0c");
    assert_eq!(request.bodies, 1);
}

#[test]
fn headers_of_one_name_are_joined_in_order() {
    let mut request = Request::new(&[("A", "1"), ("b", "x"), ("a", "{secret:two}"), ("c", "")], "");
    request.secrets.insert("two", "2".to_owned());
    let pieces = vec![header("a"), text("|"), header("B"), text("|"), header("C")];
    assert_eq!(request.last(&[join("all", pieces)]).as_deref(), Ok("1, 2|x|"));
}

#[test]
fn one_instant_is_written_in_two_units() {
    let times = [join("times", vec![Piece::TimeMs, text(" "), Piece::TimeS])];
    let mut request = Request::new(&[], "");
    assert_eq!(request.last(&times).as_deref(), Ok("1700000000999 1700000000"));
    let outline = request.outline();
    let plan = Plan::new(&times, &outline).unwrap();
    let mut request = Request::default();
    let derived = plan.evaluate(&mut request, Timestamp::MIN, &mut sevens).unwrap();
    assert_eq!(derived.values.get("times").unwrap().expose_secret(), "0 0");
}

#[test]
fn a_value_is_not_searched_for_placeholders() {
    let mut request = Request::new(&[], "").with("odd", "{secret:pin}{derived:a}").with("pin", "1234");
    let derivations =
        [join("a", vec![text("{secret:odd}")]), join("b", vec![text("<{derived:a}{vehicle:vin}>")])];
    assert_eq!(request.last(&derivations).as_deref(), Ok("<{secret:pin}{derived:a}VIN>"));
}

#[test]
fn what_a_request_lacks_is_its_own_error() {
    let mut request = Request::new(&[], "");
    assert_eq!(request.last(&[join("a", vec![text("{secret:x}")])]), Err("no secret x".to_owned()));
    assert_eq!(request.last(&[join("a", vec![text("{vehicle:x}")])]), Err("no x".to_owned()));
}

#[test]
fn text_is_only_what_is_text() {
    struct Bytes;
    impl Material for Bytes {
        type Error = String;
        fn secret(&mut self, name: &str, _: Stands) -> Result<&str, String> {
            Err(name.to_owned())
        }
        fn vehicle(&mut self, name: &str) -> Result<&str, String> {
            Err(name.to_owned())
        }
        fn public_key(&self, _: &str) -> Option<&PublicKey> {
            None
        }
        fn header(&mut self, name: &str, _: &Values<'_>) -> Result<Vec<Zeroizing<Vec<u8>>>, String> {
            Err(name.to_owned())
        }
        fn body(&mut self, _: &Values<'_>) -> Result<Zeroizing<Vec<u8>>, String> {
            Ok(Zeroizing::new(vec![0xff]))
        }
    }
    let derivations = [join("a", vec![Piece::Body])];
    let outline = Outline { url: "", headers: vec![], body: Written::Fixed { size: 1, secret: false } };
    let plan = Plan::new(&derivations, &outline).unwrap();
    let error = plan.evaluate(&mut Bytes, Timestamp::UNIX_EPOCH, &mut sevens).unwrap_err();
    assert_eq!(error, "the pieces of the derivation a are not UTF-8");
}

#[test]
fn the_body_that_was_signed_is_handed_back() {
    let mut request = Request::new(&[], "t={derived:time}&k={secret:k}").with("k", "K");
    let time = join("time", vec![Piece::TimeS]);
    let derivations = [time.clone(), sha256("digest", vec![Piece::Body])];
    let derived = request.derive_whole(&derivations).unwrap();
    assert_eq!(derived.body.as_deref().map(Vec::as_slice), Some(&b"t=1700000000&k=K"[..]));
    let shown = format!("{derived:?}");
    assert!(!shown.contains("1700000000") && shown.contains("digest"), "{shown}");
    let derivations = [time];
    assert_eq!(request.derive_whole(&derivations).unwrap().body, None);
}

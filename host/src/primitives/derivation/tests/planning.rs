use super::*;
use crate::primitives::derivation::outline::Ingredients;

fn planned(request: &Request, derivations: &[Derivation]) -> Result<(), String> {
    Plan::new(derivations, &request.outline()).map(drop).map_err(|error| error.to_string())
}

fn refused(request: &Request, derivations: &[Derivation]) -> String {
    planned(request, derivations).unwrap_err()
}

fn names(names: &[&str]) -> std::collections::BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn names_are_made_of_few_characters_and_differ() {
    let request = Request::new(&[], "");
    for name in ["", "A", "a_b", "a b", "ü", "a}"] {
        let why = refused(&request, &[join("a-1", vec![]), join(name, vec![])]);
        assert_eq!(why, "the name of derivation 2 is not made of a-z, 0-9 and -", "{name}");
    }
    assert_eq!(refused(&request, &[join("a", vec![]), join("a", vec![])]), "two derivations are called a");
}

#[test]
fn there_are_not_too_many() {
    let request = Request::new(&[], "");
    let all: Vec<_> = (0..17).map(|at| join(&format!("d{at}"), vec![])).collect();
    assert_eq!(planned(&request, &all[..16]), Ok(()));
    assert_eq!(refused(&request, &all), "more than 16 derivations");

    let pieces = |count| vec![text("a"); count];
    assert_eq!(planned(&request, &[join("a", pieces(32)), hmac("b", pieces(16), pieces(16))]), Ok(()));
    for many in [join("a", pieces(33)), hmac("a", pieces(16), pieces(17)), hmac("a", pieces(33), vec![])] {
        assert_eq!(refused(&request, &[many]), "the derivation a has more than 32 pieces");
    }
}

#[test]
fn only_joined_pieces_are_text() {
    let request = Request::new(&[], "");
    let (pieces, encoding) = (vec![], Encoding::Text);
    for how in [
        Computation::Sha256 { pieces: pieces.clone(), encoding },
        Computation::HmacSha256 { key: pieces.clone(), message: pieces.clone(), encoding },
        Computation::RsaPkcs1 { public_key: "k".to_owned(), pieces, encoding },
    ] {
        let why = refused(&request, &[derivation("a", how)]);
        assert_eq!(why, "the derivation a is written as text, which only joined pieces are");
    }
}

#[test]
fn a_key_is_made_of_text() {
    let request = Request::new(&[("h", "x")], "");
    for piece in [header("h"), Piece::Body, Piece::BodyWithoutWhiteSpace, Piece::TimeMs, Piece::TimeS] {
        let why = refused(&request, &[hmac("a", vec![text("k"), piece], vec![])]);
        assert_eq!(why, "the key of the derivation a has a piece that is not text");
    }
}

#[test]
fn a_header_that_is_not_there_is_an_error() {
    let why = refused(&Request::new(&[("x", "")], ""), &[join("a", vec![header("X"), header("Y")])]);
    assert_eq!(why, "the derivation a is computed over the header \"Y\", which the request does not have");
}

#[test]
fn nothing_stands_in_what_it_is_computed_over() {
    let own = [sha256("sig", vec![Piece::Body])];
    for (request, derivations, place) in [
        (Request::new(&[], "{derived:sig}"), own.to_vec(), "the body"),
        (
            Request::new(&[], "{derived:sig}"),
            vec![hmac("sig", vec![], vec![Piece::BodyWithoutWhiteSpace])],
            "the body",
        ),
        (
            Request::new(&[("X-Sig", "a {derived:sig}")], ""),
            vec![sha256("sig", vec![header("x-sig")])],
            "the header X-Sig",
        ),
        // The second of that name.
        (
            Request::new(&[("x", "1"), ("x", "{derived:sig}")], ""),
            vec![sha256("sig", vec![header("x")])],
            "the header x",
        ),
        (Request::new(&[], ""), vec![join("sig", vec![text("{derived:sig}")])], "its own text"),
        (Request::new(&[], ""), vec![hmac("sig", vec![text("{derived:sig}")], vec![])], "its own text"),
    ] {
        let expected = format!("the derivation sig is computed over {place} and stands in it");
        assert_eq!(refused(&request, &derivations), expected);
    }
}

#[test]
fn a_derivation_reads_only_earlier_ones() {
    let later = |name: &str, place: &str, later: &str| {
        format!(
            "the derivation {name} is computed over {place}, in which the later derivation {later} stands"
        )
    };
    let none = Request::new(&[], "");
    let by_text = [join("a", vec![text("{derived:b}")]), join("b", vec![])];
    assert_eq!(refused(&none, &by_text), later("a", "its own text", "b"));

    // By what was computed over the body back into the body.
    let body = Request::new(&[], "{derived:b}");
    let back = [sha256("a", vec![Piece::Body]), join("b", vec![text("{derived:a}")])];
    assert_eq!(refused(&body, &back), later("a", "the body", "b"));

    // Around by two headers, in either order.
    let around = Request::new(&[("x", "{derived:b}"), ("y", "{derived:a}")], "");
    let (a, b) = (sha256("a", vec![header("x")]), sha256("b", vec![header("y")]));
    assert_eq!(refused(&around, &[a.clone(), b.clone()]), later("a", "the header x", "b"));
    assert_eq!(refused(&around, &[b, a]), later("b", "the header y", "a"));

    // Around by a header and the body.
    let around = Request::new(&[("x", "{derived:over-body}")], "{derived:over-x}");
    let (x, body) = (sha256("over-x", vec![header("x")]), sha256("over-body", vec![Piece::Body]));
    assert_eq!(refused(&around, &[x.clone(), body.clone()]), later("over-x", "the header x", "over-body"));
    assert_eq!(refused(&around, &[body, x]), later("over-body", "the body", "over-x"));
}

#[test]
fn places_may_follow_one_another() {
    // A header goes into the body, the body into another header, and all of them into the URL.
    let headers = [("x", "{derived:time}"), ("y", "{derived:over-body}"), ("z", "{derived:over-y}")];
    let mut request = Request::new(&headers, "{derived:over-x} {derived:time}");
    request.url = "https://a.example/{derived:over-y}/{derived:over-body}";
    let derivations = [
        join("time", vec![Piece::TimeS]),
        join("over-x", vec![text("x="), header("x")]),
        join("over-body", vec![text("body="), Piece::Body]),
        join("over-y", vec![text("y="), header("y")]),
    ];
    assert_eq!(request.last(&derivations).as_deref(), Ok("y=body=x=1700000000 1700000000"));
}

#[test]
fn a_placeholder_names_a_derivation() {
    let a = [join("a", vec![])];
    for (request, place) in [
        (Request { url: "https://a.example/{derived:b}", ..Request::default() }, "the URL"),
        (Request::new(&[("x", "{derived:b}")], ""), "the header x"),
        (Request::new(&[], "{derived:b}"), "the body"),
    ] {
        assert_eq!(
            refused(&request, &a),
            format!("{{derived:b}} in {place} is no derivation of this request")
        );
    }
    let why = refused(&Request::new(&[], ""), &[join("a", vec![text("{derived:b}")])]);
    assert_eq!(why, "{derived:b} in its own text is no derivation of this request");
}

#[test]
fn a_derived_value_is_made_of_all_that_led_to_it() {
    let headers =
        [("authorization", "Bearer {secret:token} {vehicle:vin}"), ("x", "{derived:sig} {secret:user}")];
    let request = Request::new(&headers, "{\"p\":\"{secret:password}\",\"t\":\"{derived:time}\"}");
    let derivations = [
        join("time", vec![Piece::TimeS]),
        join("salt", vec![text("{secret:salt}")]),
        hmac("sig", vec![text("{secret:k1}{derived:salt}")], vec![header("Authorization"), Piece::Body]),
        sha256("unused", vec![header("x"), text("{derived:time}{secret:pin}")]),
    ];
    let outline = request.outline();
    let plan = Plan::new(&derivations, &outline).unwrap();
    assert!(plan.ingredients("time").unwrap().is_public());
    assert_eq!(plan.ingredients("nothing"), None);
    let sig = Ingredients {
        keys: names(&["k1"]),
        secrets: names(&["password", "salt", "token"]),
        vehicle: names(&["vin"]),
        unnamed: false,
    };
    assert_eq!(plan.ingredients("sig"), Some(&sig));
    assert!(!sig.is_public());
    let unused = plan.ingredients("unused").unwrap();
    assert_eq!(unused.secrets, names(&["password", "pin", "salt", "token", "user"]));
    assert_eq!(unused.keys, names(&["k1"]));
    // What stands directly in the request is not derived, and what is derived and stands nowhere is not sent.
    assert_eq!(plan.sent(), &sig);
}

#[test]
fn a_key_secret_elsewhere_is_told_apart() {
    let request = Request::new(&[], "");
    let derivations = [
        join("half", vec![text("{secret:k}")]),
        hmac("by-half", vec![text("{derived:half}")], vec![]),
        hmac("message", vec![text("{secret:k}")], vec![text("{secret:k}")]),
    ];
    let outline = request.outline();
    let plan = Plan::new(&derivations, &outline).unwrap();
    let of = |name| plan.ingredients(name).map(|it| (it.keys.clone(), it.secrets.clone())).unwrap();
    assert_eq!(of("half"), (names(&[]), names(&["k"])));
    assert_eq!(of("by-half"), (names(&[]), names(&["k"])));
    assert_eq!(of("message"), (names(&["k"]), names(&["k"])));
}

#[test]
fn what_is_sealed_is_told_with_its_key() {
    let request = Request::new(&[], "");
    let derivations = [
        join("all", vec![text("{secret:user}")]),
        sealed("one", "certs", vec![text("{secret:password}{derived:all}")]),
        sealed("two", "other", vec![text("nothing")]),
    ];
    let outline = request.outline();
    let plan = Plan::new(&derivations, &outline).unwrap();
    let sealed: Vec<_> = plan.sealed().map(|(key, of)| (key, of.secrets.clone())).collect();
    assert_eq!(sealed, [("certs", names(&["password", "user"])), ("other", names(&[]))]);
}

#[test]
fn cookies_make_a_value_secret_and_are_no_template() {
    let fixed = |secret| Written::Fixed { size: 100, secret };
    let body = Written::Template(vec![]);
    let outline = Outline { url: "", headers: vec![("cookie", fixed(true)), ("x", fixed(false))], body };
    let derivations = [sha256("a", vec![header("cookie")]), sha256("b", vec![header("x")])];
    let plan = Plan::new(&derivations, &outline).unwrap();
    assert!(!plan.ingredients("a").unwrap().is_public());
    assert!(plan.ingredients("b").unwrap().is_public());
}

#[test]
fn sizes_that_multiply_are_bounded() {
    let none = Request::new(&[], "");
    let mut doubling = vec![join("d0", vec![text(&"x".repeat(1 << 10))])];
    for at in 1..16 {
        doubling.push(join(&format!("d{at}"), vec![text(&format!("{{derived:d{}}}", at - 1).repeat(4))]));
    }
    assert_eq!(planned(&none, &doubling[..=6]), Ok(()));
    let why = refused(&none, &doubling);
    assert_eq!(why, "what the derivation d7 is computed over may become larger than 4194304 bytes");

    // A place that holds one many times.
    let body = Request::new(&[], &"{derived:a}".repeat(1 << 10));
    assert_eq!(planned(&body, &[join("a", vec![text(&"x".repeat(600))])]), Ok(()));
    let why = refused(&body, &[join("a", vec![text(&"x".repeat(700))])]);
    assert_eq!(why, "the body may become larger than 4194304 bytes");

    // The body many times.
    let body = Request::new(&[], &"x".repeat(1 << 16));
    assert_eq!(planned(&body, &[sha256("a", vec![Piece::Body; 10])]), Ok(()));
    let why = refused(&body, &[sha256("a", vec![Piece::Body; 11])]);
    assert_eq!(why, "what the derivation a is computed over may become larger than 4194304 bytes");
}

#[test]
fn the_largest_request_with_secrets_in_it_can_be_signed() {
    let body = format!("{}{}", "{secret:a}".repeat(16), "x".repeat((1 << 16) - 160));
    let request = Request::new(&[("x", "{derived:a}")], &body);
    let derivations = [hmac("a", vec![text("{secret:k}")], vec![Piece::Body, text("{secret:b}")])];
    assert_eq!(planned(&request, &derivations), Ok(()));
}

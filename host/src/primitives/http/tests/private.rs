//! Nothing of a position in an answer becomes words, whatever the answer is.

use std::cell::RefCell;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;

const POINTERS: [&str; 3] = ["/resMsg/coord/lat", "/resMsg/coord/lon", "/vehicles/*/vin"];

/// Forms in which a cloud may write the two numbers, which no word of the host contains afterwards.
const FORMS: [&str; 6] = [
    r#""lat":52.520008,"lon":-13.404954"#,
    r#""coord":{"lat":52.520008,"lon":-13.404954}"#,
    r#"{"retCode":"S","resMsg":{"coord":{"lat":52.520008,"lon":-13.404954}}}"#,
    "52,520008 / 13,404954",
    "[52.520008,13.404954]",
    "\"at 52%2E520008 13&#46;404954\"",
];
const DECIMALS: [&str; 2] = ["520008", "404954"];

/// Returns all that would be shown of an answer, if a connector quoted all that it was given.
fn quoted(call: &mut Call, answer: Incoming, captures: &[Capture]) -> String {
    let words = match receive(call, answer, Asked { captures, sent: &[], endpoints: &[] }) {
        Ok(Incoming { headers, body, .. }) => {
            format!("{headers:?}\n{}", String::from_utf8_lossy(&body))
        }
        Err(TransportError::Other(why) | TransportError::Interrupted(why)) => why,
        Err(other) => unreachable!("{other:?}"),
    };
    crate::redact::mask_private(&words)
}

#[test]
fn no_decimals_of_a_position_are_in_any_words() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut call = runtime.block_on(call());
    let captures = POINTERS.map(private);
    let any = proptest::collection::vec(any::<u8>(), 0..24);
    let named = proptest::sample::select(&["", "utf-8", "br", "gzip"][..]).prop_map(str::to_owned);
    let coding = prop_oneof![named, "[a-z]{1,8}"];
    let strategy = (any.clone(), proptest::sample::select(&FORMS[..]), any, 200_u16..600, coding);
    let call = RefCell::new(&mut call);
    TestRunner::default()
        .run(&strategy, |(before, form, after, status, coding)| {
            let body = [before.as_slice(), form.as_bytes(), after.as_slice()].concat();
            let headers = vec![
                ("content-encoding".to_owned(), coding),
                ("location".to_owned(), format!("/login?error={form}")),
            ];
            let answer = Incoming { status, headers, body };
            let words = quoted(&mut call.borrow_mut(), answer, &captures);
            for decimals in DECIMALS {
                prop_assert!(!words.contains(decimals), "{decimals} in {words}");
            }
            Ok(())
        })
        .unwrap();
}

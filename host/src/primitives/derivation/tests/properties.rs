use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Texts full of placeholders, for four derivations called `a` to `d`.
fn any_text() -> impl Strategy<Value = String> {
    "([xü{}]|\\{derived:[a-d]\\}|\\{secret:[st]\\}|\\{vehicle:vin\\}){0,3}"
}

fn any_piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        4 => any_text().prop_map(Piece::Text),
        1 => "[xyX]".prop_map(Piece::Header),
        1 => Just(Piece::Body),
        1 => Just(Piece::BodyWithoutWhiteSpace),
        1 => Just(Piece::TimeMs),
    ]
}

fn any_how() -> impl Strategy<Value = Computation> {
    let encoding = || prop_oneof![Just(Encoding::HexLower), Just(Encoding::Base64), Just(Encoding::Text)];
    let pieces = || vec(any_piece(), 0..3);
    prop_oneof![
        (pieces(), encoding()).prop_map(|(pieces, encoding)| Computation::Join { pieces, encoding }),
        pieces().prop_map(|pieces| Computation::Sha256 { pieces, encoding: Encoding::HexUpper }),
        (any_text(), pieces()).prop_map(|(key, message)| Computation::HmacSha256 {
            key: vec![Piece::Text(key)],
            message,
            encoding: Encoding::Base64UrlUnpadded
        }),
    ]
}

/// The derivations that a derivation reads, found without the plan.
fn reads(request: &Request, derivation: &Derivation) -> Vec<String> {
    let (key, pieces) = derivation.how.pieces();
    let mut texts: Vec<&str> = Vec::new();
    for piece in key.iter().chain(pieces) {
        match piece {
            Piece::Text(text) => texts.push(text),
            Piece::Header(name) => {
                let named = request.headers.iter().filter(|(it, _)| it.eq_ignore_ascii_case(name));
                texts.extend(named.map(|(_, value)| value.as_str()));
            }
            Piece::Body | Piece::BodyWithoutWhiteSpace => texts.push(&request.body),
            Piece::TimeMs | Piece::TimeS => {}
        }
    }
    ["a", "b", "c", "d"]
        .iter()
        .filter(|name| texts.iter().any(|text| text.contains(&format!("{{derived:{name}}}"))))
        .map(|name| (*name).to_owned())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// A request is planned exactly if every derivation reads earlier ones only, and then the values that its
    /// places need are there when they are needed: none is ever asked for that is not computed.
    #[test]
    fn what_is_planned_can_be_computed(
        hows in vec(any_how(), 0..=4),
        x in any_text(), y in any_text(), body in any_text(),
    ) {
        let derivations: Vec<_> =
            ["a", "b", "c", "d"].iter().zip(hows).map(|(name, how)| derivation(name, how)).collect();
        let request = Request::new(&[("x", &x), ("Y", &y)], &body);
        let mut request = request.with("s", "secret").with("t", "{derived:a}");
        let known = |name: &String| derivations.iter().position(|it| it.name == *name);
        let in_order = derivations.iter().enumerate().all(|(at, derivation)| {
            reads(&request, derivation).iter().all(|read| known(read).is_some_and(|read| read < at))
        });
        let in_places = [&x, &y, &body].iter().all(|place| {
            parts(place).all(|part| !matches!(part, Part::Placeholder(Placeholder::Derived(name)) if known(&name.to_owned()).is_none()))
        });
        let planned = Plan::new(&derivations, &request.outline()).map(drop);
        prop_assert_eq!(planned.is_ok(), in_order && in_places, "{:?}", planned);
        if planned.is_ok() {
            let values = request.derive(&derivations);
            prop_assert!(values.is_ok(), "{:?}", values);
            prop_assert_eq!(values.unwrap().len(), derivations.len());
        }
    }

    /// What a plan says of a derivation is what the evaluation asks for, and nothing is larger than planned.
    #[test]
    fn the_ingredients_are_what_is_asked_for(
        pieces in vec(any_piece(), 0..4), key in any_text(), x in any_text(),
    ) {
        let derivations = [hmac("e", vec![Piece::Text(key)], pieces)];
        let mut request = Request::new(&[("x", &x), ("y", "")], "").with("s", "secret").with("t", "token");
        let outline = request.outline();
        if let Ok(plan) = Plan::new(&derivations, &outline) {
            let ingredients = plan.ingredients("e").unwrap().clone();
            prop_assert!(request.derive(&derivations).is_ok());
            for (name, stands) in &request.asked {
                let all = if *stands == Stands::InKey { &ingredients.keys } else { &ingredients.secrets };
                prop_assert!(all.contains(name), "{name} {stands:?}");
            }
        }
    }

    #[test]
    fn no_request_makes_it_panic(name in ".{0,3}", any in ".{0,20}", other in "[{}:a-z]{0,20}") {
        let request = Request::new(&[("x", &any)], &other);
        let derivations = [
            join(&name, vec![text(&any), header(&any)]),
            sha256("b", vec![text(&other), Piece::Body, header("x")]),
        ];
        let _ = Plan::new(&derivations, &request.outline());
    }
}

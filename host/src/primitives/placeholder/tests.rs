use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

impl From<Misplaced> for String {
    fn from(Misplaced(why): Misplaced) -> Self {
        why
    }
}

/// The secrets of these tests. One of them is whatever a test wants it to be.
fn secrets<'s>(any: &'s str) -> impl FnMut(Placeholder<'_>) -> Result<&'s str, String> {
    move |placeholder| match placeholder {
        Placeholder::Secret("pin") => Ok("1234"),
        Placeholder::Secret("odd") => Ok("a\"b&c/d e\\{secret:pin}"),
        Placeholder::Secret("any") => Ok(any),
        Placeholder::Secret(other) | Placeholder::Vehicle(other) | Placeholder::Derived(other) => {
            Err(other.to_owned())
        }
    }
}

fn filled(template: &str) -> Result<String, String> {
    fill(template, Encoding::Plain, secrets(""))
}

fn filled_json(template: &str) -> Result<String, String> {
    fill_json(template, secrets(""))
}

fn filled_url(template: &str, any: &str) -> Result<String, String> {
    fill_url(template, secrets(any)).map(String::from)
}

#[test]
fn puts_values_in_with_the_encoding_of_the_place() {
    assert_eq!(filled("Bearer {secret:pin}!").as_deref(), Ok("Bearer 1234!"));
    assert_eq!(filled_json(r#"{"a":"{secret:odd}"}"#).as_deref(), Ok(r#"{"a":"a\"b&c/d e\\{secret:pin}"}"#));
    assert_eq!(
        filled_url("https://a.example?t={secret:odd}", "").as_deref(),
        Ok("https://a.example/?t=a%22b%26c%2Fd%20e%5C%7Bsecret%3Apin%7D")
    );
}

#[test]
fn a_value_is_not_searched_for_placeholders() {
    // Otherwise a server that hands out a token named like a placeholder could have the PIN sent to it.
    assert_eq!(filled("{secret:odd}").as_deref(), Ok("a\"b&c/d e\\{secret:pin}"));
}

#[test]
fn leaves_lookalikes_alone() {
    for text in ["{secret:}", "{secret:PIN}", "{secret:pin", "{secret: pin}", "{ secret:pin}", "{}"] {
        assert_eq!(filled(text).as_deref(), Ok(text));
        assert!(!has_placeholder(text));
        assert_eq!(filled_json(text).as_deref(), Ok(text));
    }
    assert!(has_placeholder("{secret:}{secret:pin}"));
    for url in
        ["https://a.example/%7Bsecret:pin%7D", "https://a.example/?a=%7bsecret%3Apin%7d#%7Bsecret:pin%7D"]
    {
        assert_eq!(filled_url(url, "").as_deref(), Ok(url));
    }
    let escaped = r#"{"a":"\u007bsecret:pin}{secret:pin}"}"#;
    assert_eq!(filled_json(escaped).as_deref(), Ok(r#"{"a":"\u007bsecret:pin}1234"}"#));
}

#[test]
fn an_unknown_name_is_an_error() {
    let error = Err("nothing".to_owned());
    assert_eq!(filled("{secret:nothing}"), error);
    assert_eq!(filled_json(r#"["{secret:nothing}"]"#), error);
    assert_eq!(filled_url("https://a.example/{secret:nothing}", ""), error);
}

#[test]
fn a_value_is_not_part_of_a_percent_encoded_byte() {
    for before in ["?t=%", "?t=%4", "?t=%e", "?t=%25%", ".%2", "%2{secret:any}%2"] {
        for value in ["1 x", "e"] {
            let why = filled_url(&format!("https://a.example/{before}{{secret:any}}"), value).unwrap_err();
            assert!(why.contains("within a percent-encoded byte"), "{why}");
        }
    }
    for before in ["%41", "%25", "%254", "%g", "4"] {
        let url = format!("https://a.example/?t={before}{{secret:any}}");
        assert_eq!(filled_url(&url, "1 x"), Ok(format!("https://a.example/?t={before}1%20x")));
    }
}

#[test]
fn in_json_a_placeholder_stands_in_strings_only() {
    for text in [r#"{"a":{secret:pin}}"#, r#"{"a":1,{secret:pin}}"#, "{secret:pin}", r#"{"a":"{secret:pin}"#]
    {
        assert!(filled_json(text).unwrap_err().contains("not JSON"), "{text}");
    }
    for text in [r#"{"{secret:pin}":1}"#, "{\"a {secret:pin}\" \n :1}", r#"[{"\\{secret:pin}":"x"}]"#] {
        assert!(filled_json(text).unwrap_err().contains("name of a member"), "{text}");
    }
    // The end of a string is not where a quotation mark is escaped.
    assert_eq!(
        filled_json(r#"["\"", "\\", "\\\"{secret:pin}", {"x:":"{secret:pin}:" }]"#).as_deref(),
        Ok(r#"["\"", "\\", "\\\"1234", {"x:":"1234:" }]"#)
    );
}

#[test]
fn in_a_url_a_value_stays_where_it_is_put() {
    let base = "https://a.example:8080/base";
    for value in
        ["x", "/", "a/../../b", "?x=1", "#", "@evil.example/", "\\", "\r\n\0\"", "é", "%2e%2e", "..."]
    {
        for template in ["/{secret:any}", "/{secret:any}/x", "/x?a={secret:any}&b={secret:pin}"] {
            let url = Url::parse(&filled_url(&format!("{base}{template}"), value).unwrap()).unwrap();
            let outline = Url::parse(&filled_url(&format!("{base}{template}"), "x").unwrap()).unwrap();
            assert_eq!(url.origin(), outline.origin(), "{value:?} in {template}");
            assert_eq!(url.path_segments().unwrap().count(), outline.path_segments().unwrap().count());
            assert_eq!(url.query_pairs().count(), outline.query_pairs().count());
            assert!(url.path().starts_with("/base/") && url.fragment().is_none(), "{url}");
        }
    }
    for (value, template) in [
        ("..", "/{secret:any}"),
        (".", "/{secret:any}"),
        ("..", "/{secret:any}/x"),
        (".", "/.{secret:any}/x"),
        (".", "/{secret:any}{secret:any}"),
        ("", "/.{secret:any}./x"),
        ("x", "/{secret:any}/../y"),
    ] {
        let error = filled_url(&format!("{base}{template}"), value).unwrap_err();
        assert!(error.contains("would change where it leads"), "{value:?} in {template}: {error}");
    }
    // Text that looks like the stand-in is only text.
    assert_eq!(
        filled_url("https://a.example/standin/{secret:pin}/standin0", "").as_deref(),
        Ok("https://a.example/standin/1234/standin0")
    );
    assert!(filled_url("https://st%61ndin.example/{secret:pin}", "").is_err());
}

/// Documents in which strings hold placeholders, and lookalikes.
fn documents() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        any::<String>(),
        r#"["\\\\{}:, a-z]{0,12}"#,
        any::<String>().prop_map(|text| format!("{text}{{secret:any}}")),
        any::<String>().prop_map(|text| format!("{{secret:any}}{text}{{secret:pin}}")),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let name = r#"["\\\\{}:, a-z]{0,8}"#;
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(name, inner, 0..4).prop_map(|fields| json!(fields)),
        ]
    })
}

/// Replaces the placeholders on the document itself.
fn replaced(document: &Value, any: &str) -> Value {
    match document {
        Value::String(text) => fill(text, Encoding::Plain, secrets(any)).unwrap().into(),
        Value::Array(items) => items.iter().map(|item| replaced(item, any)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, field)| (name.clone(), replaced(field, any))).collect()
        }
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn a_filled_document_is_the_document_with_its_strings_filled(
        document in documents(),
        secret: String,
        pretty: bool,
    ) {
        let text = if pretty { serde_json::to_string_pretty(&document) } else { serde_json::to_string(&document) };
        let filled = fill_json(&text.unwrap(), secrets(&secret)).unwrap();
        let parsed: Value = serde_json::from_str(&filled).unwrap();
        prop_assert_eq!(parsed, replaced(&document, &secret));
    }

    #[test]
    fn a_filled_url_decodes_to_the_secret_or_is_refused(secret: String) {
        let template = "https://a.example:8080/base/{secret:any}/x?a={secret:any}#y";
        let url = fill_url(template, secrets(&secret));
        if ["", ".", ".."].contains(&secret.as_str()) && url.is_err() {
            return Ok(());
        }
        let url = url.unwrap();
        let segment = url.path_segments().unwrap().nth(1).unwrap();
        let decoded = percent_encoding::percent_decode_str(segment).decode_utf8().unwrap();
        prop_assert_eq!(decoded, secret.as_str());
        prop_assert_eq!(url.query_pairs().next().unwrap().1, secret.as_str());
        prop_assert_eq!(url.path_segments().unwrap().count(), 3);
        prop_assert_eq!(url.origin(), Url::parse("https://a.example:8080").unwrap().origin());
    }

    #[test]
    fn a_filled_form_decodes_to_the_secret(secret: String) {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("a", &fill("{secret:any}", Encoding::Plain, secrets(&secret)).unwrap());
        form.append_pair("b", "c");
        let form = form.finish();
        let pairs: Vec<_> = url::form_urlencoded::parse(form.as_bytes()).collect();
        prop_assert_eq!(pairs, [("a".into(), secret.into()), ("b".into(), "c".into())]);
    }
}

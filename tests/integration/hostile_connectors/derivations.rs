//! Connectors that want to get at a secret by what is computed over it.

use serde_json::{Value, json};
use testkit::Home as _;
use testkit::acme::{self, AcmeHome, Arrived, SECRETS, TOKEN};
use testkit::handmade::connector::DONE;
use testkit::log::Log;
use vehicle_connector::store::Kind;
use vehicle_connector::wire::outcome::State;

const IDP: &str = "https://idp.acme.example/echo";
const API: &str = "https://api.acme.example/echo";
const ADS: &str = "https://ads.acme.example/echo";
const REMEMBERS: &str = "https://ads.acme.example/remembers";

/// A key of a signature, as a cloud publishes it.
const MODULUS: &str = "yJeMq_SdHc4SdbpxjXzWGvABJWNs7speQTh55VyYa-IkOZO9LJkI8qHBTiSm3FPmlQpcKHHUpCsTgUqzZNKow8NICvoRlyN1XM\
                       CAgxomhRgplX9w4pu6KwZ28w8HwXkeokspvAgcj0t8ep8g6jHHXFhBmzmGebrC-0X3DusfECE";

/// A home whose connector has sent these requests, one after the other.
async fn after(requests: &[Value]) -> AcmeHome {
    let lock = acme::telling(requests) + DONE;
    let home = AcmeHome::start(&acme::that_locks(&lock)).await;
    home.cloud.answers("/key", 200, &json!({ "n": MODULUS, "e": "AQAB" }));
    let report = home.lock().await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
    assert_eq!(home.told().len(), requests.len());
    home
}

/// Makes sure that no secret is in anything that was told, published or logged, nor in what is kept of decisions.
async fn nothing_has_leaked(home: &AcmeHome, log: &Log) {
    let mut all = log.text();
    for message in home.home.messages() {
        all += &message.topic;
        all += &String::from_utf8_lossy(&message.payload);
    }
    for kind in [Kind::Latch, Kind::Result, Kind::Pending, Kind::Audit] {
        for (key, record) in home.home.environment.store.list(kind).await.unwrap() {
            all += &key;
            all += &String::from_utf8_lossy(&record);
        }
    }
    // Four digits are in many a text.
    let secrets = SECRETS.into_iter().filter(|(name, _)| *name != "pin");
    for secret in secrets.map(|(_, secret)| secret).chain([TOKEN]) {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}

fn over(how: &str, text: &str) -> Value {
    json!({ how: { "pieces": [{ "text": text }], "encoding": "base64" } })
}

fn signed(key: &str, message: &str) -> Value {
    let [key, message] = [key, message].map(|text| json!([{ "text": text }]));
    json!({ "hmac-sha256": { "key": key, "message": message, "encoding": "hex-lower" } })
}

fn sealed(text: &str) -> Value {
    json!({ "rsa-pkcs1": { "public-key": "certs", "pieces": [{ "text": text }], "encoding": "base64" } })
}

/// A request with these derivations, `d-0` and so on, the last of which is sent in a header.
fn deriving(url: &str, hows: &[Value]) -> Value {
    let derivation = |(at, how): (usize, &Value)| json!({ "name": format!("d-{at}"), "how": how });
    let derivations: Vec<_> = hows.iter().enumerate().map(derivation).collect();
    let last = format!("{{derived:d-{}}}", hows.len() - 1);
    json!({ "url": url, "headers": [["x-derived", last]], "derivations": derivations })
}

/// The request for a public key of a server.
fn key_of(server: &str) -> Value {
    let capture = json!({ "source": { "json": "" }, "target": { "public-key": "certs" } });
    json!({ "url": format!("https://{server}.acme.example/key"), "captures": [capture] })
}

#[tokio::test(start_paused = true)]
async fn a_key_stands_in_the_key_of_a_signature_and_nowhere_else() {
    const KEY: &str = "{secret:signing-key}";
    let log = Log::of_this_process();
    let posting = |body: Value| json!({ "method": "post", "url": IDP, "body": body });
    let requests = [
        json!({ "url": format!("{IDP}?k={KEY}") }),
        json!({ "url": format!("{IDP}/{KEY}") }),
        json!({ "url": IDP, "headers": [["authorization", format!("Bearer {KEY}")]] }),
        posting(json!({ "json": format!("[\"{KEY}\"]") })),
        posting(json!({ "form": [["k", KEY]] })),
        deriving(IDP, &[signed("public", KEY)]),
        deriving(IDP, &[signed(KEY, KEY)]),
        deriving(IDP, &[over("sha256", KEY)]),
        deriving(IDP, &[over("join", KEY)]),
        deriving(IDP, &[over("join", KEY), signed("{derived:d-0}", "m")]),
        key_of("idp"),
        deriving(IDP, &[sealed(KEY)]),
        // What nobody sends is not computed either.
        json!({ "url": IDP, "derivations": [{ "name": "unused", "how": over("sha256", KEY) }] }),
    ];
    let home = after(&requests).await;
    for (told, request) in home.told().iter().zip(&requests).filter(|(_, request)| **request != key_of("idp"))
    {
        let denied = "the secret signing-key is a key, which stands in the key of a derivation only";
        assert_eq!(told, denied, "{request}");
    }
    assert_eq!(home.cloud.arrived().len(), 1, "the request for the public key");
    nothing_has_leaked(&home, log).await;
    home.serves_on().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_no_key_does_not_stand_in_the_key_of_a_signature() {
    let log = Log::of_this_process();
    let requests =
        ["user", "password"].map(|name| deriving(IDP, &[signed(&format!("{{secret:{name}}}"), "m")]));
    let of_token = deriving(API, &[signed("before {secret:access-token} after", "m")]);
    let home = after(&[requests.as_slice(), &[of_token]].concat()).await;
    let denied =
        |name| format!("the secret {name} is no key, and only a key stands in the key of a derivation");
    assert_eq!(home.told(), ["user", "password", "access-token"].map(denied));
    assert_eq!(home.cloud.arrived().len(), 0);
    nothing_has_leaked(&home, log).await;
}

#[tokio::test(start_paused = true)]
async fn a_value_goes_only_where_all_that_it_is_made_of_may_go() {
    let log = Log::of_this_process();
    const PASSWORD: &str = "{secret:password}";
    let key = signed("{secret:signing-key}", "{secret:user}");
    let hidden = [
        ("signing-key", vec![key.clone()]),
        ("user", vec![signed("public", "{secret:user}")]),
        ("password", vec![over("sha256", PASSWORD)]),
        ("password", vec![over("join", PASSWORD)]),
        ("password", vec![signed("public", PASSWORD)]),
        // Behind two more computations.
        (
            "password",
            vec![over("sha256", PASSWORD), over("join", "x{derived:d-0}"), signed("{derived:d-1}", "m")],
        ),
    ];
    let mut requests: Vec<Value> = hidden.iter().map(|(_, hows)| deriving(ADS, hows)).collect();
    // One endpoint is not another, though both are the account's.
    requests.push(deriving(API, &[over("sha256", PASSWORD)]));
    requests.push(deriving(IDP, &[signed("{secret:other-key}", "m")]));
    // Into the address, the body, or nowhere.
    let mut places = deriving(ADS, &[over("sha256", PASSWORD)]);
    for (field, template) in [
        ("url", json!("https://ads.acme.example/{derived:d-0}")),
        ("body", json!({ "json": "[\"{derived:d-0}\"]" })),
        ("headers", json!([])),
    ] {
        places[field] = template;
        requests.push(places.clone());
    }
    let home = after(&requests).await;
    let to =
        |name: &str, endpoint: &str| format!("the secret {name} may not be sent to the endpoint {endpoint}");
    let mut denied: Vec<String> = hidden.iter().map(|(name, _)| to(name, "ads")).collect();
    denied.extend([to("password", "api"), to("other-key", "idp")]);
    denied.extend(vec![to("password", "ads"); 3]);
    assert_eq!(home.told(), denied);
    assert_eq!(home.cloud.arrived().len(), 0);
    nothing_has_leaked(&home, log).await;
    home.serves_on().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_signed_is_no_way_around_for_what_stands_in_it() {
    // The header and the body have the secret, and what is computed over them is sent instead of them.
    let mut of_header =
        deriving(ADS, &[json!({ "sha256": { "pieces": [{ "header": "x-p" }], "encoding": "base64" } })]);
    of_header["headers"].as_array_mut().unwrap().push(json!(["x-p", "{secret:password}"]));
    let mut of_body = deriving(ADS, &[json!({ "sha256": { "pieces": ["body"], "encoding": "base64" } })]);
    of_body["body"] = json!({ "form": [["p", "{secret:password}"]] });
    let home = after(&[of_header, of_body]).await;
    assert_eq!(home.told(), ["the secret password may not be sent to the endpoint ads"; 2]);
    assert_eq!(home.cloud.arrived().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_password_is_not_sealed_for_a_server_that_may_not_have_it() {
    let log = Log::of_this_process();
    let seal = deriving(IDP, &[sealed("{secret:password}")]);
    let hidden = deriving(IDP, &[over("join", "{secret:password}"), sealed("{derived:d-0}")]);
    let home = after(&[seal.clone(), key_of("ads"), seal.clone(), hidden, key_of("idp"), seal]).await;
    let told = home.told();
    let elsewhere =
        "the secret password is not sealed with the public key certs, which has come from elsewhere";
    assert_eq!(
        told[0],
        "the derivation d-0 is sealed with the public key \"certs\", which no answer of this call has given"
    );
    assert_eq!((told[2].as_str(), told[3].as_str()), (elsewhere, elsewhere));
    assert!(told[5].contains("x-derived: {secret:d-0}"), "with the right one it is sent: {}", told[5]);
    let arrived = home.cloud.arrived();
    assert_eq!(arrived.iter().filter(|it| it.url == IDP).count(), 1);
    assert!(arrived.iter().all(|it| !it.text().contains(SECRETS[1].1)));
    nothing_has_leaked(&home, log).await;
}

#[tokio::test(start_paused = true)]
async fn a_derived_value_that_a_server_echoes_is_a_placeholder() {
    let log = Log::of_this_process();
    let hows = |message: &str| {
        let joined = over("join", &format!("{{secret:user}}:{message}"));
        [
            signed("{secret:signing-key}", message),
            over("sha256", &format!("{{secret:user}}{message}")),
            joined,
        ]
    };
    let all = format!("{API}?all={{derived:d-0}},{{derived:d-1}},{{derived:d-2}}");
    let mut requests =
        [deriving(API, &hows("m")), deriving(API, &hows("another")), json!({ "url": REMEMBERS })];
    (requests[0]["url"], requests[1]["url"]) = (json!(all), json!(all));
    let home = after(&requests).await;
    let sent = |arrived: &Arrived| -> Vec<String> {
        let address = url::Url::parse(&arrived.url).unwrap();
        address.query_pairs().next().unwrap().1.split(',').map(str::to_owned).collect()
    };
    let values = home.cloud.arrived().iter().take(2).flat_map(sent).collect::<Vec<_>>();
    assert_eq!((values.len(), values[0].len()), (6, 64));
    // Whatever was derived in this call, under whichever name, and wherever it was sent.
    home.cloud.answers("/remembers", 200, &json!({ "all": values }));
    home.lock().await;
    let told = home.told();
    let echo = "all={secret:d-0},{secret:d-1},{secret:d-2}";
    assert!(told[..2].iter().chain(&told[3..5]).all(|told| told.contains(echo)), "{told:?}");
    let marks: Vec<String> = (0..6).map(|at| format!("{{secret:d-{}}}", at % 3)).collect();
    assert_eq!(serde_json::from_str::<Value>(&told[5]).unwrap(), json!({ "all": marks }));
    nothing_has_leaked(&home, log).await;
    let mut all = log.text();
    home.home.messages().iter().for_each(|message| all += &String::from_utf8_lossy(&message.payload));
    assert!(values.iter().all(|value| !all.contains(value)), "{values:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_made_of_a_pin_is_a_placeholder_however_short_it_is() {
    for encoding in ["text", "base64-unpadded", "base64", "hex-lower"] {
        let how = json!({ "join": { "pieces": [{ "text": "{secret:pin}" }], "encoding": encoding } });
        let home = after(&[deriving(API, &[how])]).await;
        let sent = home.cloud.arrived()[0].header("x-derived").to_owned();
        assert!(!sent.is_empty() && !home.told()[0].contains(&sent), "{encoding}: {:?}", home.told());
    }
}

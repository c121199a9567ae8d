use super::*;

/// A signed request as the European sign-in wants it. The identity stands in headers, and so does the time.
#[test]
fn signs_as_the_vectors_of_the_fingerprint() {
    let derivations = [
        join("time", vec![Piece::TimeS, text("000")]),
        hmac(
            "fingerprint",
            vec![text("com.kia.oneapp.euKiaEU1.4.0android{secret:k1}"), text("{secret:k2}{secret:k3}")],
            vec![
                header("client-id"),
                header("Client-Name"),
                header("client-version"),
                header("client-os-code"),
                header("client-os-version"),
                header("x-timestamp"),
                Piece::BodyWithoutWhiteSpace,
            ],
        ),
    ];
    let headers = [
        ("client-id", "com.kia.oneapp.eu"),
        ("client-name", "KiaEU"),
        ("client-version", "1.4.0"),
        ("client-os-code", "android"),
        ("client-os-version", "14"),
        ("X-Timestamp", "{derived:time}"),
        ("X-Fingerprint", "{derived:fingerprint}"),
    ];
    for (body, expected) in [
        ("", "0912ca4c22deb09ae5f641ff614beeb49ac5dad0ef0dc9428960c2c6f1a2d986"),
        (
            "{\"accessToken\": \"{secret:access-token}\",\n \"refreshToken\": \"R\"}",
            "cc24691e26acbabe2d2b4a7338bbd215225967668058ce6ca2ff8748c28bc32b",
        ),
    ] {
        let request = Request::new(&headers, body).with("access-token", "A B");
        let mut request = request.with("k1", "SECRET").with("k2", "PIECE").with("k3", "SUFFIX");
        assert_eq!(request.last(&derivations).as_deref(), Ok(expected));
        let asked = ["k1", "k2", "k3"].map(|name| (name.to_owned(), Stands::InKey));
        assert_eq!(request.asked, asked);
    }
}

/// RFC 7636 appendix B.
#[test]
fn digests_a_verifier_as_pkce_does() {
    let mut request = Request::new(&[], "").with("verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    let challenge = [sha256("challenge", vec![text("{secret:verifier}")])];
    assert_eq!(request.last(&challenge).as_deref(), Ok("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
}

/// RFC 7617 §2 and §2.1.
#[test]
fn joins_credentials_as_basic_does() {
    for (user, password, expected) in
        [("Aladdin", "open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), ("test", "123£", "dGVzdDoxMjPCow==")]
    {
        let mut request = Request::new(&[], "").with("user", user).with("password", password);
        let pieces = vec![text("{secret:user}:{secret:password}")];
        let basic = [derivation("basic", Computation::Join { pieces, encoding: Encoding::Base64 })];
        assert_eq!(request.last(&basic).as_deref(), Ok(expected));
        let asked = ["user", "password"].map(|name| (name.to_owned(), Stands::Elsewhere));
        assert_eq!(request.asked, asked);
    }
}

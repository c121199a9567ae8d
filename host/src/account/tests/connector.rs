//! A connector for that cloud, which asks a person for whatever a test wants.

use futures_util::FutureExt as _;
use parking_lot::Mutex;

use crate::bindings::connector::{
    Account, Challenge, Choice, Code, Command, CommandAnswers, Grant, Manifest, Outcome, Question, Redirect,
    Reply, ReturnPath, Step, Vehicle, VehicleRef, Visit, Wants,
};
use crate::bindings::http::{
    Body, Capture, CaptureSource, CaptureTarget, Method, Request, Response, TransportError,
};
use crate::bindings::random::Alphabet;
use crate::bindings::types::{BodyKind, Certainty, Failure, Phase, Transport};
use crate::plugin::NativeConnector;
use crate::plugin::native::Answering;
use crate::primitives::Call;

/// Base of the cloud's URLs.
pub(crate) const BASE: &str = "https://idp.example";

/// Cell of the registration as a device.
pub(crate) const REGISTRATION: &str = "registration";

/// What a sign-in asks for after the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    Nothing,
    Code,
    Choice,
    Redirect,
    Device,
    /// For a visit, and sends the password with every poll.
    Insisting,
    Consent,
    /// For consent, and signs in anew after it.
    Terms,
    /// For a choice, again and again.
    WithoutEnd,
    /// For an address with what the cloud has given out in it.
    Telling,
    /// For an address elsewhere.
    Elsewhere,
    /// For something newer.
    Other,
}

/// The connector.
#[derive(Debug)]
pub(crate) struct Fake {
    pub(crate) asks: Mutex<Asks>,
    /// Whether a sign-in sends no password before it asks.
    pub(crate) only_asks: Mutex<bool>,
    /// Whether a refresh begins with a secret that is made here.
    pub(crate) makes: Mutex<bool>,
    /// Ends of the session that it reports.
    pub(crate) grant: Mutex<Grant>,
}

impl Default for Fake {
    fn default() -> Self {
        let (only_asks, makes) = Default::default();
        Self { asks: Mutex::new(Asks::Code), only_asks, makes, grant: Mutex::new(grant()) }
    }
}

/// A grant of which nothing is known but an hour of its access token.
pub(crate) fn grant() -> Grant {
    Grant { expires_in: Some(3_600), refresh_expires_in: None, ends_in: None, value: "v".to_owned() }
}

fn get(path: &str, query: &str, captures: &[(&str, &str)]) -> Request {
    let capture = |(at, name): &(&str, &str)| Capture {
        source: CaptureSource::Json((*at).to_owned()),
        target: CaptureTarget::Secret((*name).to_owned()),
    };
    Request {
        method: Method::Get,
        url: format!("{BASE}{path}?{query}"),
        headers: Vec::new(),
        body: Body::Empty,
        derivations: Vec::new(),
        captures: captures.iter().map(capture).collect(),
        jar: None,
        timeout: None,
        acts_on_vehicle: false,
    }
}

fn failure(phase: Phase, answer: Result<Response, TransportError>) -> Result<Response, Failure> {
    let mut failure = Failure {
        phase,
        certainty: Certainty::Rejected,
        transport: None,
        http_status: None,
        code: None,
        sub_code: None,
        oauth_error: None,
        retry_after: None,
        message: String::new(),
        body: BodyKind::Json,
    };
    match answer {
        Ok(answer) if answer.status < 400 && !leads_elsewhere(&answer) => return Ok(answer),
        Ok(answer) => {
            failure.http_status = Some(answer.status);
            let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let text = |name: &str| body.get(name).and_then(|it| it.as_str()).map(str::to_owned);
            (failure.code, failure.oauth_error) = (text("code"), text("error"));
            failure.message = text("message").unwrap_or_default();
        }
        Err(error) => {
            failure.certainty = Certainty::NotSent;
            failure.transport = Some(match error {
                TransportError::Denied(_) => Transport::Denied,
                _ => Transport::NotSent,
            });
            failure.message = format!("{error:?}");
        }
    }
    Err(failure)
}

fn leads_elsewhere(answer: &Response) -> bool {
    answer.headers.iter().any(|(name, _)| name == "location")
}

fn asked(challenge: Challenge) -> Step {
    Step::Asked(Question {
        challenge,
        continuation: "the continuation".to_owned(),
        expires_in: Some(600_000),
    })
}

fn code() -> Challenge {
    Challenge::Code(Code {
        secret: "one-time-code".to_owned(),
        sent_to: Some("a***@example.org\u{1b}[2K".to_owned()),
        digits: Some(6),
        resend: true,
    })
}

fn choice() -> Challenge {
    let choice = |id: &str, label: &str| Choice { id: id.to_owned(), label: label.to_owned() };
    Challenge::Choice(vec![choice("mail", "a***@example.org"), choice("phone", "*** 17")])
}

fn visit(url: &str, user_code: Option<&str>, back: ReturnPath) -> Challenge {
    let (url, user_code) = (url.to_owned(), user_code.map(str::to_owned));
    Challenge::Visit(Visit { url, derivations: Vec::new(), user_code, back })
}

impl Fake {
    fn challenge(&self, call: &mut Call) -> Option<Challenge> {
        Some(match *self.asks.lock() {
            Asks::Nothing => return None,
            Asks::Code => code(),
            Asks::Choice | Asks::WithoutEnd => choice(),
            Asks::Redirect => {
                call.make_secret("state".to_owned(), Alphabet::UrlSafe, 32).unwrap();
                let redirect = Redirect {
                    prefix: "https://app.example/back".to_owned(),
                    state: Some("state".to_owned()),
                    code: "one-time-code".to_owned(),
                };
                let url = format!("{BASE}/authorize?state={{secret:state}}");
                visit(&url, None, ReturnPath::Redirect(redirect))
            }
            Asks::Device | Asks::Insisting => {
                visit(&format!("{BASE}/device"), Some("WDJB-MJHT"), ReturnPath::Poll(1))
            }
            Asks::Telling => visit(&format!("{BASE}/?t={{secret:step-token}}"), None, ReturnPath::Poll(1)),
            Asks::Elsewhere => visit("https://evil.example/", None, ReturnPath::Poll(1)),
            Asks::Consent | Asks::Terms => Challenge::Consent("the new terms,\n on the site".to_owned()),
            Asks::Other => Challenge::Other("a dance".to_owned()),
        })
    }

    fn granted(&self) -> Step {
        Step::Granted(self.grant.lock().clone())
    }

    async fn token(&self, call: &mut Call, path: &str, query: &str) -> Result<Step, Failure> {
        let captures = [("/access", "access-token"), ("/refresh", "refresh-token")];
        let answer = call.send(get(path, query, &captures)).await;
        failure(Phase::SignIn, answer).map(|_| self.granted())
    }
}

impl NativeConnector for Fake {
    fn manifest(&self) -> Manifest {
        let answers = CommandAnswers {
            success: Vec::new(),
            codes_at: Vec::new(),
            before_execution: Vec::new(),
            undecided: Vec::new(),
        };
        Manifest {
            name: "fake".to_owned(),
            version: "1".to_owned(),
            description: String::new(),
            cells: vec![REGISTRATION.to_owned()],
            wants: Wants {
                endpoints: Vec::new(),
                secrets: Vec::new(),
                settings: Vec::new(),
                operations: Vec::new(),
                refusals: Vec::new(),
                answers,
            },
        }
    }

    fn sign_in<'a>(&'a self, call: &'a mut Call, _account: &'a Account) -> Answering<'a, Step> {
        async {
            let captures = [("/step", "step-token"), ("/device", "device")];
            let query = if *self.only_asks.lock() { "" } else { "p={secret:password}" };
            let login = call.send(get("/login", query, &captures)).await;
            failure(Phase::SignIn, login)?;
            match self.challenge(call) {
                Some(challenge) => Ok(asked(challenge)),
                None => self.token(call, "/token", "step={secret:step-token}").await,
            }
        }
        .boxed()
    }

    fn continue_sign_in<'a>(
        &'a self,
        call: &'a mut Call,
        _account: &'a Account,
        continuation: &'a str,
        reply: &'a Reply,
    ) -> Answering<'a, Step> {
        async move {
            assert_eq!(continuation, "the continuation");
            let asks = *self.asks.lock();
            match (asks, reply) {
                (Asks::WithoutEnd, _) => Ok(asked(choice())),
                (_, Reply::Again) => {
                    failure(Phase::SignIn, call.send(get("/resend", "step={secret:step-token}", &[])).await)?;
                    Ok(asked(code()))
                }
                (_, Reply::Chosen(id)) => {
                    assert_eq!(id, "mail");
                    Ok(asked(code()))
                }
                (Asks::Device, Reply::Waited) => self.token(call, "/poll", "step={secret:step-token}").await,
                (Asks::Insisting, Reply::Waited) => {
                    let _denied_in_the_end = call.send(get("/login", "p={secret:password}", &[])).await;
                    Ok(asked(self.challenge(call).unwrap()))
                }
                (Asks::Terms, Reply::Confirmed) => {
                    let captures = [("/step", "step-token"), ("/device", "device")];
                    let login = call.send(get("/login", "p={secret:password}", &captures)).await;
                    failure(Phase::SignIn, login)?;
                    self.token(call, "/token", "step={secret:step-token}").await
                }
                (Asks::Consent, Reply::Confirmed) => {
                    self.token(call, "/token", "step={secret:step-token}").await
                }
                _ => {
                    self.token(call, "/verify", "step={secret:step-token}&code={secret:one-time-code}").await
                }
            }
        }
        .boxed()
    }

    fn refresh<'a>(&'a self, call: &'a mut Call, _account: &'a Account) -> Answering<'a, Step> {
        if *self.makes.lock() {
            call.make_secret("state".to_owned(), Alphabet::UrlSafe, 32).unwrap();
        }
        self.token(call, "/refresh", "refresh={secret:refresh-token}").boxed()
    }

    fn list_vehicles<'a>(&'a self, _: &'a mut Call, _: &'a Account) -> Answering<'a, Vec<Vehicle>> {
        std::future::ready(Ok(Vec::new())).boxed()
    }

    fn execute<'a>(
        &'a self,
        _: &'a mut Call,
        _: &'a Account,
        _: &'a VehicleRef,
        _: &'a Command,
    ) -> Answering<'a, Outcome> {
        std::future::ready(Ok(Outcome::Unsupported(String::new()))).boxed()
    }

    fn resume<'a>(
        &'a self,
        _: &'a mut Call,
        _: &'a Account,
        _: &'a VehicleRef,
        _: &'a str,
    ) -> Answering<'a, Outcome> {
        std::future::ready(Ok(Outcome::Unsupported(String::new()))).boxed()
    }
}

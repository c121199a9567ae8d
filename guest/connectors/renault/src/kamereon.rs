//! The vehicle service: how it is asked, and how it says no.

use vehicle_connector_sdk::http::{VEHICLE_VIN, segment};
use vehicle_connector_sdk::prelude::*;

use crate::garage::Car;
use crate::place::Country;
use crate::wants::KAMEREON;

/// How the service says no. Its gateway has an envelope of its own, with a word in place of a list.
///
/// The codes before execution are the gateway's and those of a body or a car that it does not take: they come
/// at once, and no car is asked. Of a low battery the service knows from what it last heard.
pub(crate) static ENVELOPE: Envelope = Envelope {
    codes_at: &["/errors/0/errorCode", "/error"],
    words_at: &["/errors/0/errorMessage", "/error_description"],
    before_execution: &[
        // The application's key or the token.
        ACCESS_DENIED,
        "err.func.wired.unauthorized",
        // The person, the car or the address.
        "err.func.wired.forbidden",
        "err.func.wired.notFound",
        "err.func.wired.not-found",
        "err.func.wired.methodNotAllowed",
        "err.tech.501",
        "err.func.403",
        // The body.
        "err.func.wired.invalid-body-format",
        "err.func.400",
        // Too much asked, privacy, a battery below the threshold of the climate.
        "err.func.wired.overloaded",
        "err.func.privacy.on",
        "err.func.wired.low.battery.level",
    ],
    ..Envelope::PLAIN
};

/// What the gateway says of an application key that it does not know.
pub(crate) const ACCESS_DENIED: &str = "access_denied";

/// Our own code for a session without an id token: the sign-in failed after its login. A refresh brings one.
pub(crate) const NO_ID_TOKEN: &str = "no-id-token";

/// The two interfaces to vehicles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Adapter {
    /// The older one, in version 1 or 2.
    Kca(u8),
    /// The newer one.
    Kcm,
}

/// The vehicle service, for one account.
#[derive(Debug)]
pub(crate) struct Kamereon<'a> {
    url: &'a str,
    /// The account's country.
    pub country: Country,
}

impl<'a> Kamereon<'a> {
    /// That of the account.
    ///
    /// # Errors
    ///
    /// The endpoint or the country is not configured, or the session has no token. Nothing was sent.
    pub(crate) fn of(account: &'a Account) -> Result<Self, Failure> {
        if !account.has_secret("id-token") {
            let failure = failure::not_sent(Phase::Unknown, "the session has no id token yet");
            return Err(Failure { transport: None, code: Some(NO_ID_TOKEN.to_owned()), ..failure });
        }
        Ok(Self { url: account.endpoint(KAMEREON)?, country: Country::of(account)? })
    }

    /// A request about the person whose session this is.
    pub(crate) fn person(&self) -> Request {
        self.dressed(Request::get(format!("{}/commerce/v1/persons/{}", self.url, secret("person-id"))))
    }

    /// A request for the vehicles of an account of the person.
    pub(crate) fn vehicles(&self, account: &str) -> Request {
        self.dressed(Request::get(format!("{}/commerce/v1/accounts/{}/vehicles", self.url, segment(account))))
    }

    /// A request that reads from a vehicle.
    pub(crate) fn get(&self, car: &Car, adapter: Adapter, path: &str) -> Request {
        self.dressed(Request::get(self.about(car, adapter, path)))
    }

    /// A request because of which a vehicle acts.
    pub(crate) fn act(&self, car: &Car, adapter: Adapter, path: &str, body: &Value) -> Request {
        self.dressed(Request::post(self.about(car, adapter, path))).json(body).acts_on_vehicle()
    }

    /// The identification number is in every address; the host puts it in.
    fn about(&self, car: &Car, adapter: Adapter, path: &str) -> String {
        let base = format!("{}/commerce/v1/accounts/{}/kamereon", self.url, segment(&car.account));
        match adapter {
            Adapter::Kca(version) => format!("{base}/kca/car-adapter/v{version}/cars/{VEHICLE_VIN}/{path}"),
            Adapter::Kcm => format!("{base}/kcm/v1/vehicles/{VEHICLE_VIN}/{path}"),
        }
    }

    /// The type stands on requests without a body too, as the vendor's app sends it.
    fn dressed(&self, request: Request) -> Request {
        request
            .query("country", &self.country.0)
            .header("Content-type", "application/vnd.api+json")
            .header("apikey", secret("kamereon-key"))
            .header("x-gigya-id_token", secret("id-token"))
    }
}

/// Sends `request` once.
///
/// # Errors
///
/// No answer, or one that is not a success, as facts.
pub(crate) fn send(request: Request, phase: Phase) -> Result<Answer, Failure> {
    let answer = request.send(phase)?;
    if answer.is_2xx() { Ok(answer) } else { Err(refused(&answer)) }
}

fn refused(answer: &Answer) -> Failure {
    let mut failure = answer.refusal(&ENVELOPE);
    if let Some(inner) = told_within(&failure.message) {
        failure.message = inner;
    }
    if failure.code.as_deref() == Some(ACCESS_DENIED) {
        failure.message.push_str("; most likely `kamereon-key` was replaced by the vendor");
    }
    failure
}

/// The words of a message that is JSON in a string. The codes in it are numbers of another service, some of
/// which Gigya uses for something else, so they stay words.
fn told_within(message: &str) -> Option<String> {
    let inner: Value = serde_json::from_str(message).ok()?;
    let error = inner.pointer("/errors/0")?;
    let words = ["code", "title", "detail"].map(|key| error.get(key).and_then(Value::as_str));
    let words: Vec<&str> = words.into_iter().flatten().filter(|text| !text.is_empty()).collect();
    (!words.is_empty()).then(|| words.join(": "))
}

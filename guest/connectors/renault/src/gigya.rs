//! The identity service: how it is asked, and how it says no.
//!
//! Its verdict is `errorCode`; the status is 200 whatever happens.

use vehicle_connector_sdk::prelude::*;

use crate::wants::GIGYA;

/// How the service says no.
pub(crate) static ENVELOPE: Envelope = Envelope {
    success: &[("/errorCode", Says::Number(0))],
    codes_at: &["/errorCode"],
    words_at: &["/errorDetails", "/errorMessage"],
    ..Envelope::PLAIN
};

/// The code for a name or a password that is wrong.
const PASSWORD: &str = "403042";

/// The code for a device that has to answer with a code first.
pub(crate) const SECOND_FACTOR: i64 = 403_101;

/// What the vehicle service wants to read in an id token.
const FIELDS: &str = "data.personId,data.gigyaDataCenter";

/// How long an id token lives, in seconds: as long as is asked for.
pub(crate) const ID_TOKEN: i64 = 900;

/// The identity service, for one account.
#[derive(Debug)]
pub(crate) struct Gigya<'a> {
    url: &'a str,
}

impl<'a> Gigya<'a> {
    /// That of the account.
    ///
    /// # Errors
    ///
    /// The endpoint is not configured.
    pub(crate) fn of(account: &'a Account) -> Result<Self, Failure> {
        Ok(Self { url: account.endpoint(GIGYA)? })
    }

    /// A sign-in by password; `device` says whether this one has an identity by now. The answer is whatever
    /// it is: one kind of refusal is a question.
    ///
    /// # Errors
    ///
    /// There is no answer.
    pub(crate) fn login(&self, device: bool) -> Result<Answer, Failure> {
        let request = self
            .post("accounts.login")
            .field("loginID", secret("username"))
            .field("password", secret("password"))
            .capture_secret("/sessionInfo/cookieValue", "login-token")
            .capture_secret("/regToken", "reg-token");
        if device { with_device(request) } else { request }.send(Phase::SignIn)
    }

    /// Asks who the person is.
    ///
    /// # Errors
    ///
    /// No answer, a refusal, or one without the person.
    pub(crate) fn person(&self, phase: Phase) -> Result<(), Failure> {
        let request = self
            .post("accounts.getAccountInfo")
            .field("login_token", secret("login-token"))
            .capture_secret("/data/personId", "person-id");
        open(request.send(phase)?)?.part("/data/personId").map(|_| ())
    }

    /// Asks for an id token.
    ///
    /// # Errors
    ///
    /// No answer, a refusal, or one without a token.
    pub(crate) fn id_token(&self, phase: Phase) -> Result<(), Failure> {
        let request = self
            .post("accounts.getJWT")
            .field("login_token", secret("login-token"))
            .field("fields", FIELDS)
            .field("expiration", format!("{ID_TOKEN}"))
            .capture_secret("/id_token", "id-token");
        open(request.send(phase)?)?.part("/id_token").map(|_| ())
    }

    /// A request that reads. The name of the key is written differently in these.
    pub(crate) fn get(&self, call: &str) -> Request {
        Request::get(format!("{}/{call}", self.url)).query_secret("APIKey", "gigya-key")
    }

    fn post(&self, call: &str) -> Request {
        Request::post(format!("{}/{call}", self.url)).field("ApiKey", secret("gigya-key"))
    }
}

/// `request`, as this installation.
pub(crate) fn with_device(request: Request) -> Request {
    request.header("Cookie", format!("gmid={}; ucid={}", secret("gmid"), secret("ucid")))
}

/// The answer, if it says that all went well.
///
/// # Errors
///
/// Any other answer, as facts.
pub(crate) fn open(answer: Answer) -> Result<Answer, Failure> {
    if answer.is_2xx() && ENVELOPE.is_success(answer.document()) { Ok(answer) } else { Err(refused(&answer)) }
}

/// The facts of a refusal. Who reads the words is told what they do not say.
pub(crate) fn refused(answer: &Answer) -> Failure {
    let mut failure = answer.refusal(&ENVELOPE);
    if failure.code.as_deref() == Some(PASSWORD) {
        failure.message.push_str("; or `gigya-key` was replaced by the vendor, which is answered the same");
    }
    failure
}

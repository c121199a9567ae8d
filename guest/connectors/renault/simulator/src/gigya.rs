//! What the routes of the identity service do.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::kit::Answer;

use crate::envelope::{self, Refused};
use crate::exchange::Case;
use crate::identity::{Claims, Memory};
use crate::route::RouteKind as Kind;
use crate::secrets::{SecretKind, cookies};

/// What Kamereon wants to read in an id token.
const FIELDS: &str = "data.personId,data.gigyaDataCenter";

type Acted = Result<Answer, Refused>;

pub(crate) fn act(case: &mut Case<'_>) -> Acted {
    match case.incoming.call.kind {
        Kind::Login => login(case),
        Kind::Bootstrap => bootstrap(case),
        Kind::InitTfa => init(case),
        Kind::GetEmails => emails(case),
        Kind::SendCode => send(case),
        Kind::CompleteCode => complete(case),
        Kind::FinalizeTfa => finalize(case),
        Kind::AccountInfo => account_info(case),
        Kind::Jwt => jwt(case),
        _ => Err(Refused::new("no such address", envelope::not_found())),
    }
}

fn login(case: &mut Case<'_>) -> Acted {
    let config = &case.world.config;
    let right = case.parameter("loginID") == config.username && case.parameter("password") == config.password;
    if !right {
        let answer = case.failure(403_042, "invalid loginID or password");
        return Err(Refused::new("wrong password", answer));
    }
    if case.world.config.second_factor && !recognised(case) {
        let reg_token = case.world.factor.demand(&mut case.world.ids);
        case.world.secrets.add(SecretKind::RegToken, &reg_token);
        case.shared.count(|counters| counters.challenges += 1);
        let fields = json!({ "regToken": reg_token });
        let answer = case.failure_with(403_101, "Pending Two-Factor Authentication", fields);
        return Err(Refused::new("second factor", answer));
    }
    let token = case.world.identity.login(&mut case.world.ids);
    case.world.secrets.add(SecretKind::LoginToken, &token);
    case.shared.count(|counters| counters.logins_granted += 1);
    let (person, username) = (case.world.config.person_id.clone(), case.world.config.username.clone());
    Ok(case.success(json!({
        "UID": person,
        "isActive": true,
        "isRegistered": true,
        "isVerified": true,
        "loginProvider": "site",
        "profile": { "email": username },
        "newUser": false,
        "sessionInfo": { "cookieName": "glt_simulated", "cookieValue": token },
    })))
}

/// Whether the cookies are those of a device that is remembered.
fn recognised(case: &mut Case<'_>) -> bool {
    let (gmid, ucid) = (case.cookie("gmid"), case.cookie("ucid"));
    let now = case.world.now();
    case.world.identity.recognises(&gmid, &ucid, now)
}

fn bootstrap(case: &mut Case<'_>) -> Acted {
    let (gmid, ucid) = case.world.identity.device(&mut case.world.ids);
    case.world.secrets.add(SecretKind::Gmid, &gmid);
    case.world.secrets.add(SecretKind::Ucid, &ucid);
    let mut answer = case.success(json!({ "hasGmid": "ver4" }));
    for (name, value) in [("gmid", gmid), ("ucid", ucid)] {
        let cookie = format!("{name}={value}; Path=/; Max-Age=31536000; HttpOnly; SameSite=None");
        answer.headers.push(("Set-Cookie".to_owned(), cookie));
    }
    Ok(answer)
}

fn init(case: &mut Case<'_>) -> Acted {
    if case.parameter("provider") != "gigyaEmail" || case.parameter("mode") != "verify" {
        let answer = case.failure(400_006, "Invalid parameter value");
        return Err(case.violation("provider is gigyaEmail and mode is verify", answer));
    }
    let (reg_token, gmid) = (case.parameter("regToken"), case.cookie("gmid"));
    let begun = case.world.factor.begin(&reg_token, &gmid, &mut case.world.ids);
    let Some(assertion) = begun else {
        return Err(invalid(case, "unknown or used regToken"));
    };
    case.world.secrets.add(SecretKind::GigyaAssertion, &assertion);
    Ok(case.success(json!({ "gigyaAssertion": assertion })))
}

fn emails(case: &mut Case<'_>) -> Acted {
    let assertion = case.parameter("gigyaAssertion");
    if !case.world.factor.knows(&assertion) {
        return Err(invalid(case, "unknown gigyaAssertion"));
    }
    let emails = json!(case.world.config.mailboxes);
    Ok(case.success(json!({ "emails": emails })))
}

fn send(case: &mut Case<'_>) -> Acted {
    let (assertion, mailbox) = (case.parameter("gigyaAssertion"), case.parameter("emailID"));
    if !case.world.config.mailboxes.iter().any(|known| known.id == mailbox) {
        return Err(invalid(case, "unknown emailID"));
    }
    let lang = Some(case.parameter("lang")).filter(|lang| !lang.is_empty());
    let now = case.world.now();
    let to = (mailbox.as_str(), lang.as_deref());
    let Some(sent) = case.world.factor.send(&assertion, to, now, &mut case.world.ids) else {
        return Err(invalid(case, "unknown gigyaAssertion"));
    };
    case.world.secrets.add(SecretKind::PhvToken, &sent.phv_token);
    case.world.secrets.add(SecretKind::OneTimeCode, &sent.code);
    case.shared.count(|counters| counters.codes_sent += 1);
    Ok(case.success(json!({ "phvToken": sent.phv_token })))
}

fn complete(case: &mut Case<'_>) -> Acted {
    let (assertion, phv, code) =
        (case.parameter("gigyaAssertion"), case.parameter("phvToken"), case.parameter("code"));
    let completed = case.world.factor.complete(&assertion, &phv, &code, &mut case.world.ids);
    let Some(provider) = completed else {
        case.shared.count(|counters| counters.codes_wrong += 1);
        return Err(invalid(case, "wrong code"));
    };
    case.world.secrets.add(SecretKind::ProviderAssertion, &provider);
    Ok(case.success(json!({ "providerAssertion": provider })))
}

fn finalize(case: &mut Case<'_>) -> Acted {
    let now = case.world.now();
    let memory = match case.parameter("tempDevice").as_str() {
        "false" => Memory::Until(now.checked_add(case.world.config.device_lifetime).unwrap_or(now)),
        "true" => Memory::Once,
        _ => {
            let answer = case.failure(400_006, "Invalid parameter value");
            return Err(case.violation("tempDevice is true or false", answer));
        }
    };
    let names = ["gigyaAssertion", "providerAssertion", "regToken"].map(|name| case.parameter(name));
    let [assertion, provider, reg_token] = &names;
    let Some(gmid) = case.world.factor.finalize(assertion, provider, reg_token) else {
        return Err(invalid(case, "the assertions are not of one verified challenge"));
    };
    case.world.identity.remember(&gmid, memory);
    Ok(case.success(json!({})))
}

fn account_info(case: &mut Case<'_>) -> Acted {
    login_token(case)?;
    let person = case.world.config.person_id.clone();
    Ok(case.success(json!({ "UID": person, "data": { "personId": person, "gigyaDataCenter": "EU1" } })))
}

fn jwt(case: &mut Case<'_>) -> Acted {
    login_token(case)?;
    let Ok(asked) = case.parameter("expiration").parse::<u32>() else {
        let answer = case.failure(400_006, "Invalid parameter value");
        return Err(case.violation("expiration is a number of seconds", answer));
    };
    let complete = case.parameter("fields") == FIELDS;
    if !complete {
        // Served all the same: it is Kamereon that does not take the token.
        case.violate(format!("fields is not {FIELDS}"));
    }
    let world = &mut *case.world;
    let lifetime = world.config.id_token_lifetime.unwrap_or(Duration::from_secs(u64::from(asked)));
    let issued = world.now();
    let claims = Claims {
        key: &world.config.gigya_key,
        person: &world.config.person_id,
        complete,
        issued,
        expires: issued.checked_add(lifetime).unwrap_or(issued),
    };
    let token = world.identity.issue(&claims, &mut world.ids);
    world.secrets.add(SecretKind::IdToken, &token);
    case.shared.count(|counters| counters.jwt_issued += 1);
    Ok(case.success(json!({ "ignoredFields": "", "id_token": token })))
}

fn login_token(case: &mut Case<'_>) -> Result<(), Refused> {
    match case.world.identity.login_token(&case.parameter("login_token")) {
        Ok(()) => Ok(()),
        Err(ended) => {
            let answer = case.failure(ended.code(), ended.details());
            Err(Refused::new("the login token is over, or was never given out", answer))
        }
    }
}

/// The answer to a value that is not the right one, codes of course included.
fn invalid(case: &mut Case<'_>, reason: &str) -> Refused {
    let answer = case.failure(400_006, "Invalid parameter value");
    Refused::new(reason, answer)
}

impl Case<'_> {
    fn success(&mut self, fields: Value) -> Answer {
        let (id, now) = (self.world.ids.uuid(), self.world.now());
        envelope::gigya_success(fields, &id, now)
    }

    /// A cookie of the request; empty if it is not there.
    fn cookie(&self, name: &str) -> String {
        let found = cookies(self.incoming).into_iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value).unwrap_or_default()
    }
}

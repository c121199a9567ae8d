//! What a connector asks for in its manifest, in the form in which it is granted.

use serde_json::Value;

use crate::bindings::connector::{self as wit, Wants};
use crate::descriptor::{
    Arguments, CommandAnswers, Configured, Grant, LEAST, OwnEffect, OwnOperation, PinStyle,
    RefusedCredential, Said, SecretCharacters, SecretClass, SecretForm, SecretRule, Service, Setting,
    SuccessPlace,
};

/// Reads what a connector asks for, within the bounds of a grant.
///
/// # Errors
///
/// The first thing that cannot be granted, whoever wanted to.
pub(super) fn wanted(wants: &Wants) -> Result<Grant, String> {
    let mut grant = Grant::default();
    for wit::WantedEndpoint { name, region, brand, url } in &wants.endpoints {
        let service = Service { region: region.clone(), brand: brand.clone(), name: name.clone() };
        grant.add_endpoint(service, url).map_err(|why| about("endpoint", name, &why))?;
    }
    for secret in &wants.secrets {
        let name = &secret.name;
        grant.add_secret(name, rule(secret)).map_err(|why| about("secret", name, &why))?;
    }
    for wit::WantedSetting { name, description, default, required } in &wants.settings {
        let setting =
            Setting { description: description.clone(), default: default.clone(), required: *required };
        grant.add_setting(name, setting).map_err(|why| about("setting", name, &why))?;
    }
    for operation in &wants.operations {
        let name = &operation.name;
        let own = own(operation).and_then(|own| grant.add_operation(name, own));
        own.map_err(|why| about("operation", name, &why))?;
    }
    for wit::Refusal { credential, code, status, words } in &wants.refusals {
        let refused = match credential {
            wit::RefusedCredential::Grant => RefusedCredential::Grant,
            wit::RefusedCredential::Pin => RefusedCredential::Pin,
            wit::RefusedCredential::DailyLimit => RefusedCredential::DailyLimit,
        };
        let said = Said { code: code.clone(), status: *status, words: words.clone() };
        grant.add_refusal(refused, said).map_err(|why| about("refusal", code, &why))?;
    }
    let wit::CommandAnswers { success, codes_at, before_execution, undecided } = wants.answers.clone();
    let answers = CommandAnswers {
        success: success.into_iter().map(mark).collect::<Result<_, _>>()?,
        codes_at,
        before_execution: before_execution.into_iter().collect(),
        undecided: undecided.into_iter().collect(),
    };
    grant
        .set_answers(answers)
        .map_err(|why| format!("it reads answers in a way that cannot be granted: {why}"))?;
    Ok(grant)
}

fn mark(mark: wit::SuccessMark) -> Result<(SuccessPlace, Value), String> {
    let wit::SuccessMark { endpoint, pointer, value } = mark;
    let value = serde_json::from_str(&value)
        .map_err(|_| about("mark of success", &value, "it is no JSON; a text stands in quotes"))?;
    Ok((SuccessPlace { endpoint, pointer }, value))
}

fn about(what: &str, name: &str, why: &str) -> String {
    format!(
        "it asks for the {what} {:?}, which cannot be granted: {why}",
        crate::redact::cut(name.to_owned(), 64)
    )
}

fn rule(secret: &wit::WantedSecret) -> SecretRule {
    let class = match secret.class {
        wit::SecretClass::Identifier => SecretClass::Identifier,
        wit::SecretClass::Password => SecretClass::Password,
        wit::SecretClass::OneTimeCode => SecretClass::OneTimeCode,
        wit::SecretClass::Pin(wit::PinStyle::Challenge) => SecretClass::Pin(PinStyle::Challenge),
        wit::SecretClass::Pin(wit::PinStyle::Bearer) => SecretClass::Pin(PinStyle::Bearer),
        wit::SecretClass::Token => SecretClass::Token,
        wit::SecretClass::Key => SecretClass::Key,
    };
    let configured = match secret.configured {
        wit::Configured::Required => Configured::Required,
        wit::Configured::Optional => Configured::Optional,
        wit::Configured::Never => Configured::Never,
    };
    let form = secret.form.map(|wit::SecretForm { length, characters }| SecretForm {
        length,
        characters: match characters {
            wit::SecretCharacters::Digits => SecretCharacters::Digits,
            wit::SecretCharacters::CapitalsAndDigits => SecretCharacters::CapitalsAndDigits,
            wit::SecretCharacters::Printable => SecretCharacters::Printable,
        },
    });
    SecretRule {
        description: secret.description.clone(),
        endpoints: secret.endpoints.iter().cloned().collect(),
        rotates: secret.rotates,
        lasting: secret.lasting,
        least: secret.least.max(LEAST),
        form,
        ..SecretRule::new(class, configured)
    }
}

fn own(operation: &wit::OwnOperation) -> Result<OwnOperation, String> {
    let effect = match operation.effect {
        wit::OwnEffect::Read => OwnEffect::Read,
        wit::OwnEffect::Set => OwnEffect::Set,
        wit::OwnEffect::Actuation => OwnEffect::Actuation,
    };
    let arguments = match operation.arguments.trim() {
        "" => Arguments::default(),
        schema => Arguments::parse(schema)?,
    };
    Ok(OwnOperation { description: operation.description.clone(), effect, arguments })
}

#[cfg(test)]
mod tests;

//! Country and language of an account.

use vehicle_connector_sdk::prelude::*;

/// Countries of this service in which the driver sits on the right.
const RIGHT_HAND: &[&str] = &["CY", "GB", "IE", "MT"];

/// Where the account was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Country(pub(crate) String);

impl Country {
    /// That of the setting `country`, else of `locale`.
    ///
    /// # Errors
    ///
    /// Neither says it. A wrong country is answered as if the person had nothing, so none is guessed.
    pub(crate) fn of(account: &Account) -> Result<Self, Failure> {
        let of_locale = || account.setting("locale")?.split_once(['_', '-']).map(|(_, country)| country);
        let country = account.setting("country").or_else(of_locale).unwrap_or_default().trim();
        if country.len() == 2 && country.bytes().all(|letter| letter.is_ascii_alphabetic()) {
            return Ok(Self(country.to_ascii_uppercase()));
        }
        let why = "the account needs the setting `locale` (such as fr_FR) or `country` (such as FR)";
        Err(failure::not_sent(Phase::Unknown, why))
    }

    /// Whether the driver sits on the right.
    pub(crate) fn is_right_hand(&self) -> bool {
        RIGHT_HAND.contains(&self.0.as_str())
    }
}

/// The language of mails: that of the setting `locale`, else of the account.
pub(crate) fn language(account: &Account) -> &str {
    let whole = account.setting("locale").unwrap_or(&account.language);
    whole.split(['_', '-']).next().unwrap_or(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use vehicle_connector_sdk::testing::FakeHost;

    fn account(settings: &[(&str, &str)]) -> Account {
        let account = FakeHost::new().account(&crate::wants::manifest(), "renault");
        let settings = settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Account { settings, ..account }
    }

    #[test]
    fn the_country_is_that_of_the_locale_unless_it_is_named() {
        for (settings, expected) in [
            (&[("locale", "fr_FR")][..], Ok("FR")),
            (&[("locale", "de-AT")], Ok("AT")),
            (&[("locale", "en_GB"), ("country", "ie")], Ok("IE")),
            (&[("locale", "fr")], Err(())),
            (&[("country", "F?")], Err(())),
            (&[], Err(())),
        ] {
            let found = Country::of(&account(settings)).map(|country| country.0);
            assert_eq!(found.as_deref().map_err(|_| ()), expected, "{settings:?}");
        }
    }

    #[test]
    fn the_language_is_that_of_the_locale() {
        assert_eq!(language(&account(&[("locale", "fr_FR")])), "fr");
        assert_eq!(language(&account(&[])), "en");
    }
}

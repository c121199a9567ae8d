//! The cookies that hold one sign-in together.

use jiff::Timestamp;

use crate::kit::Ids;

/// The cookie that names the account's side of the sign-in.
const ACCOUNT: &str = "account";

/// The cookie that names the server's side of the sign-in.
const SESSION: &str = "JSESSIONID";

/// All sign-ins that were begun.
#[derive(Debug, Default)]
pub(crate) struct Chains(Vec<Chain>);

/// One sign-in, from the page to its end: its two cookies, which belong together.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    account: String,
    session: String,
    expires: Timestamp,
}

impl Chains {
    /// A new sign-in.
    pub(crate) fn begin(&mut self, expires: Timestamp, ids: &mut Ids) -> Chain {
        let number = self.0.len() as u64 + 1;
        let chain =
            Chain { account: ids.token("account", number), session: ids.token("session", number), expires };
        self.0.push(chain.clone());
        chain
    }

    /// The values of all cookies.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|chain| [chain.account.as_str(), chain.session.as_str()])
    }

    /// Whether a cookie header belongs to one sign-in that is not over.
    pub(crate) fn knows(
        &self,
        account: Option<&str>,
        session: Option<&str>,
        now: Timestamp,
    ) -> Result<(), &'static str> {
        let (Some(account), Some(session)) = (account, session) else {
            return Err("a cookie of the sign-in page is missing");
        };
        let chain = self.0.iter().find(|chain| chain.account == account && chain.session == session);
        match chain.ok_or("the cookies are not those of one sign-in page")? {
            chain if chain.expires <= now => Err("the sign-in page is too old"),
            _ => Ok(()),
        }
    }
}

impl Chain {
    /// The names of both cookies.
    pub(crate) const COOKIES: [&'static str; 2] = [ACCOUNT, SESSION];

    /// The headers that set both cookies.
    pub(crate) fn set_cookies(&self) -> Vec<(String, String)> {
        let set =
            |name: &str, value: &str| ("Set-Cookie".to_owned(), format!("{name}={value}; Path=/; HttpOnly"));
        vec![set(ACCOUNT, &self.account), set(SESSION, &self.session)]
    }
}

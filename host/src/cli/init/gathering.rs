//! The gathering of answers: from options, or from a person.
//!
//! Each answer is tried as soon as it is there, in the configuration as far as it is known: a person is asked again for
//! what cannot be right, and an option that cannot be right ends it before anything is typed.

mod account;
mod vehicle;

use std::io;
use std::path::Path;

use self::vehicle::CAR;
use super::InitOptions;
use super::answers::Answers;
use crate::cli::auth::terminal::Echo;
use crate::config::Problem;

/// Reason why there are none.
pub(super) enum NoAnswers {
    /// The person has had enough.
    Ended,
    /// Something is missing or wrong.
    Wrong(String),
    /// The terminal failed.
    Failed(io::Error),
}

impl From<io::Error> for NoAnswers {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// A person who answers, or nobody.
pub(super) trait Person {
    /// Asks, and returns the line that is typed; none if there is none to come.
    fn ask(&mut self, prompt: &str, echo: Echo) -> io::Result<Option<String>>;

    /// Shows a line.
    fn say(&mut self, line: &str) -> io::Result<()>;
}

/// Gathers answers.
pub(super) struct Gathering<'g> {
    options: &'g InitOptions,
    /// The person who is asked, if there is one.
    person: Option<&'g mut dyn Person>,
    answers: Answers,
}

impl<'g> Gathering<'g> {
    pub(super) fn new(options: &'g InitOptions, person: Option<&'g mut dyn Person>) -> Self {
        Self { options, person, answers: Answers::default() }
    }

    fn say(&mut self, line: &str) -> Result<(), NoAnswers> {
        self.person.as_mut().map_or(Ok(()), |person| person.say(line)).map_err(NoAnswers::from)
    }

    fn ask(&mut self, prompt: &str, echo: Echo) -> Result<String, NoAnswers> {
        let typed = self.person.as_mut().map_or(Ok(None), |person| person.ask(prompt, echo))?;
        typed.ok_or(NoAnswers::Ended)
    }

    pub(super) fn gather(mut self) -> Result<Answers, NoAnswers> {
        self.options_are_right()?;
        self.say("A few questions; Enter takes what is in brackets, Ctrl-D ends without writing anything.")?;
        self.broker()?;
        let grant = self.connector()?;
        self.account()?;
        self.settings(&grant)?;
        self.secrets(&grant)?;
        self.vehicle()?;
        // What only shows when everything is there.
        match self.problems().first() {
            Some(Problem { message, .. }) => Err(NoAnswers::Wrong(message.clone())),
            None => Ok(self.answers),
        }
    }

    /// Tries what options say, each as far as it can be known without the others, so that nothing is asked in vain.
    fn options_are_right(&self) -> Result<(), NoAnswers> {
        let options = self.options;
        let mut alone = Self::new(options, None);
        alone.broker()?;
        if options.brand.is_some() {
            alone.connector()?;
        }
        alone.account()?;
        if options.brand.is_some() {
            alone.given_for_the_account()?;
        }
        alone.answers.vehicle = CAR.to_owned();
        if options.vin.is_some() || options.named.is_some() {
            alone.which()?;
        }
        alone.car()?;
        alone.allowed()
    }

    /// Takes what an option says, or asks until nothing is wrong with what is put into the answers. `about` says by its
    /// message whether a problem is one of this answer.
    fn right(
        &mut self,
        Wanted { question, option, given, usual }: Wanted<'_>,
        put: impl Fn(&mut Answers, String),
        about: impl Fn(&Answers, &str) -> bool,
    ) -> Result<(), NoAnswers> {
        loop {
            let answer = self.text(question, option, given, usual)?;
            put(&mut self.answers, answer);
            match self.problem(|message| about(&self.answers, message)) {
                None => return Ok(()),
                Some(message) if self.person.is_some() && given.is_none() => self.say(&message)?,
                Some(message) => return Err(NoAnswers::Wrong(message)),
            }
        }
    }

    /// The first of the problems of the answers so far that is wanted, by its message.
    fn problem(&self, is_wanted: impl Fn(&str) -> bool) -> Option<String> {
        self.problems().into_iter().map(|problem| problem.message).find(|message| is_wanted(message))
    }

    fn problems(&self) -> Vec<Problem> {
        self.answers.problems(&self.options.configured.config)
    }

    /// What an option says, what a person says, or what is usual.
    fn text(
        &mut self,
        question: &str,
        option: &str,
        given: &Option<String>,
        usual: Option<&str>,
    ) -> Result<String, NoAnswers> {
        if let Some(given) = given {
            return Ok(given.clone());
        }
        if self.person.is_none() {
            let missing = || NoAnswers::Wrong(format!("{option} is missing"));
            return usual.map(str::to_owned).ok_or_else(missing);
        }
        let brackets =
            usual.filter(|usual| !usual.is_empty()).map(|usual| format!(" [{usual}]")).unwrap_or_default();
        loop {
            let typed = self.ask(&format!("{question}{brackets}: "), Echo::On)?;
            match (typed.as_str(), usual) {
                ("", Some(usual)) => return Ok(usual.to_owned()),
                ("", None) => self.say("this is needed")?,
                (typed, _) => return Ok(typed.to_owned()),
            }
        }
    }

    fn broker(&mut self) -> Result<(), NoAnswers> {
        let options = self.options;
        let wanted = Wanted {
            question: "Broker",
            option: "--broker",
            given: &options.broker,
            usual: Some("mqtt://127.0.0.1:1883"),
        };
        let put = |answers: &mut Answers, url| answers.broker = url;
        self.right(wanted, put, |_, message| message.starts_with("mqtt.url:"))?;
        let user = self.text("User name for the broker (none: Enter)", "", &options.broker_user, Some(""))?;
        self.answers.broker_user = Some(user).filter(|user| !user.is_empty());
        if let Some(file) = &options.broker_password_file {
            self.answers.broker_password_file = Some(absolute(file));
            if let Some(message) = self.problem(|message| message.starts_with("mqtt.password_file:")) {
                return Err(NoAnswers::Wrong(message));
            }
        } else if self.person.is_some() && self.answers.broker_user.is_some() {
            let typed = self.ask("Password for the broker (not shown): ", Echo::Off)?;
            if !typed.is_empty() {
                self.answers.type_in(Answers::BROKER_PASSWORD, typed).map_err(NoAnswers::Wrong)?;
            }
        }
        Ok(())
    }
}

/// A question, the option that answers it, what that says, and the usual answer.
struct Wanted<'w> {
    question: &'w str,
    option: &'w str,
    given: &'w Option<String>,
    usual: Option<&'w str>,
}

/// Whether a problem is that this is no name for an account or a car.
fn cannot_be_a_name(name: &str, message: &str) -> bool {
    message.starts_with(&format!("{name:?} cannot be a name"))
}

/// A path that is right wherever the configuration is.
fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

#[cfg(test)]
mod tests;

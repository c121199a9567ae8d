use std::collections::VecDeque;

use clap::Parser;

use super::*;
use crate::cli::init::text;

/// Someone who answers each question with the next of these, and hears what is said.
struct Scripted {
    answers: VecDeque<&'static str>,
    said: Vec<String>,
    hidden: usize,
}

impl Person for Scripted {
    fn ask(&mut self, prompt: &str, echo: Echo) -> io::Result<Option<String>> {
        self.said.push(prompt.to_owned());
        self.hidden += usize::from(echo == Echo::Off);
        Ok(self.answers.pop_front().map(str::to_owned))
    }

    fn say(&mut self, line: &str) -> io::Result<()> {
        self.said.push(line.to_owned());
        Ok(())
    }
}

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    options: InitOptions,
}

fn options(arguments: &[&str]) -> InitOptions {
    Arguments::parse_from([&["init"], arguments].concat()).options
}

const TOKEN: &str = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789ABCDEFGHJKLMNP";

#[test]
fn a_person_is_asked_again_for_what_cannot_be_right() {
    let mut person = Scripted {
        answers: VecDeque::from([
            "tcp://broker",
            "",
            "car",
            "broker-password",
            "volvo",
            "Kia",
            "us",
            "",
            "my account",
            "",
            "",
            "12",
            "1234",
            "1",
            TOKEN,
            "",
            "KNAI0000000000000",
            "My EV6",
            "my car",
            "ev6",
            "refresh, fly",
            "refresh lock,unlock",
        ]),
        said: Vec::new(),
        hidden: 0,
    };
    let options = options(&[]);
    let Ok(answers) = Gathering::new(&options, Some(&mut person)).gather() else {
        panic!("{:?}", person.said)
    };
    assert_eq!((person.answers.len(), person.hidden), (0, 6), "{:?}", person.said);
    for wrong in [
        "unknown scheme \"tcp\"",
        "not one of genesis, hyundai, kia",
        "not one of au, eu, nz",
        "\"my account\" cannot be a name",
        "\"my car\" cannot be a name",
        "never I, O or Q",
        "\"fly\" is unknown",
    ] {
        assert_eq!(person.said.iter().filter(|said| said.contains(wrong)).count(), 1, "{wrong}");
    }
    let text = text::written(&answers, "car.secrets");
    for line in [
        "url = \"mqtt://127.0.0.1:1883\"",
        "username = \"car\"",
        "password_file = \"car.secrets/broker.password\"",
        "brand = \"kia\"",
        "region = \"eu\"",
        "refresh_token_file = \"car.secrets/main_refresh_token\"",
        "pin_file = \"car.secrets/main_pin\"",
        "name = \"My EV6\"",
        "allow = [\"refresh\", \"lock\", \"unlock\"]",
    ] {
        assert!(text.lines().any(|it| it == line), "{line}: {text}");
    }
    assert!(!text.contains(TOKEN) && !text.contains("broker-password"), "{text}");
}

#[test]
fn who_has_had_enough_ends_it_and_nobody_is_asked_for_nothing() {
    let mut person = Scripted { answers: VecDeque::from([""]), said: Vec::new(), hidden: 0 };
    let options = options(&[]);
    let ended = Gathering::new(&options, Some(&mut person)).gather();
    assert!(matches!(ended, Err(NoAnswers::Ended)));
    let missing = Gathering::new(&options, None).gather();
    assert!(matches!(missing, Err(NoAnswers::Wrong(why)) if why == "--brand is missing"));
}
#[test]
fn an_account_of_any_name_leaves_the_password_of_the_broker_alone() {
    let typed = ["", "car", "of the broker", "renault", "mqtt", "gigya", "kamereon", "of the account"];
    let answers = ["me@example.org", "My Megane", "megane", ""];
    let mut person =
        Scripted { answers: typed.into_iter().chain(answers).collect(), said: Vec::new(), hidden: 0 };
    let gathered = Gathering::new(&options(&["--setting", "locale=fr_FR"]), Some(&mut person)).gather();
    let Ok(answers) = gathered else { panic!("{:?}", person.said) };
    let secrets = answers.typed.values().map(secrecy::ExposeSecret::expose_secret);
    let secrets: Vec<&str> = secrets.collect();
    assert!(secrets.contains(&"of the broker") && secrets.contains(&"of the account"), "{:?}", person.said);
    let text = text::written(&answers, "s");
    let paths: Vec<&str> = text.lines().filter(|line| line.contains("password_file")).collect();
    assert_eq!(paths, ["password_file = \"s/broker.password\"", "password_file = \"s/mqtt_password\""]);
}

#[test]
fn an_option_that_cannot_be_right_ends_it_before_anything_is_typed() {
    for (wrong, why) in [
        (&["--broker", "tcp://x"][..], "unknown scheme"),
        (&["--account", "a b"], "cannot be a name"),
        (&["--secret", "typo=FILE"], "unknown key \"typo_file\""),
        (&["--vehicle", "a/b"], "cannot be a name"),
        (&["--allow", "fly"], "\"fly\" is unknown"),
        (&["--vin", "KNAI0000000000000"], "never I, O or Q"),
    ] {
        let mut person = Scripted { answers: VecDeque::new(), said: Vec::new(), hidden: 0 };
        let options = options(&[&["--brand", "kia"], wrong].concat());
        let ended = Gathering::new(&options, Some(&mut person)).gather();
        let Err(NoAnswers::Wrong(said)) = ended else { panic!("{wrong:?}: {:?}", person.said) };
        assert!(said.contains(why) && person.said.is_empty(), "{wrong:?}: {said} {:?}", person.said);
    }
}

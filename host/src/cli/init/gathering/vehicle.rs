//! Questions about the car: which one it is, its name, and what may be commanded.

use super::{Gathering, NoAnswers, Wanted, cannot_be_a_name};
use crate::cli::init::answers::Answers;

/// Name of the car, unless it has another one.
pub(super) const CAR: &str = "car";

impl Gathering<'_> {
    pub(super) fn vehicle(&mut self) -> Result<(), NoAnswers> {
        let options = self.options;
        let is_given = options.vehicle.is_some() || options.vin.is_some() || options.named.is_some();
        if self.person.is_none() && !is_given {
            return Err(NoAnswers::Wrong(
                "--vehicle NAME, with --vin VIN or --named NAME, is missing".to_owned(),
            ));
        }
        self.answers.vehicle = CAR.to_owned();
        self.which()?;
        self.car()?;
        self.allowed()
    }

    /// Which car it is.
    pub(super) fn which(&mut self) -> Result<(), NoAnswers> {
        let options = self.options;
        let (given, key) = match (&options.vin, &options.named) {
            (vin @ Some(_), _) => (vin, Some("vin")),
            (None, named @ Some(_)) => (named, Some("name")),
            (None, None) => (&None, None),
        };
        let wanted = Wanted {
            question: "The car's vehicle identification number, or its name in the vendor's app",
            option: "--vin or --named",
            given,
            usual: None,
        };
        let put = |answers: &mut Answers, value: String| {
            let key = key.unwrap_or(if is_vin(&value) { "vin" } else { "name" });
            answers.which = Some((key, value));
        };
        self.right(wanted, put, |answers, message| {
            let within = |key: &str| format!("vehicle.{}.{key}:", answers.vehicle);
            message.starts_with(&within("vin")) || message.starts_with(&within("name"))
        })
    }

    /// What the car is called here.
    pub(super) fn car(&mut self) -> Result<(), NoAnswers> {
        let wanted = Wanted {
            question: "Name of the car in topics",
            option: "--vehicle",
            given: &self.options.vehicle,
            usual: Some(CAR),
        };
        let put = |answers: &mut Answers, name| answers.vehicle = name;
        self.right(wanted, put, |answers, message| {
            cannot_be_a_name(&answers.vehicle, message)
                || message.starts_with("a vehicle is not named by its VIN")
        })
    }

    pub(super) fn allowed(&mut self) -> Result<(), NoAnswers> {
        let given = Some(self.options.allow.join(",")).filter(|words| !words.is_empty());
        let wanted = Wanted {
            question: "What may be commanded (also: unlock, climate, windows, charge_port, charging, …)",
            option: "--allow",
            given: &given,
            usual: Some("refresh, lock"),
        };
        let put = |answers: &mut Answers, words: String| {
            let words = words.split([',', ' ']).filter(|word| !word.is_empty());
            answers.allow = words.map(str::to_owned).collect();
        };
        self.right(wanted, put, |answers, message| {
            message.starts_with(&format!("vehicle.{}.allow:", answers.vehicle))
        })
    }
}

fn is_vin(text: &str) -> bool {
    text.len() == 17 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

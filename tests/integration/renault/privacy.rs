//! The cloud wants the identification number of a car in every address; nobody else gets to see it.

use std::time::Duration;

use testkit::Home;
use testkit::log::Log;
use testkit::two_makers::{FIVE, TwoMakers, ZOE, ZOE_2};
use vehicle_connector::store::Kind;
use vehicle_connector::wire::outcome::State;

const CARS: [(&str, &str); 3] = [FIVE, ZOE, ZOE_2];

/// Whether a text has this as a word of its own: digits that begin or end in the middle of a longer number are not it.
fn has_word(text: &str, word: &str) -> bool {
    let is_part =
        |character: Option<char>| character.is_some_and(|it| it.is_ascii_alphanumeric() || it == '.');
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        !is_part(before.chars().next_back()) && !is_part(after.chars().next().filter(|it| *it != '.'))
    })
}

/// What is stored of one kind, as text.
pub(super) async fn stored(home: &TwoMakers, kind: Kind) -> String {
    let records = home.home.environment.store.list(kind).await.unwrap();
    records.into_iter().map(|(_, record)| String::from_utf8_lossy(&record).into_owned()).collect()
}

/// Checks that a value is in nothing that was published, logged or written into the trail. The log has to be taken
/// from before.
pub(super) async fn assert_nowhere(home: &TwoMakers, value: &str) {
    for message in home.messages() {
        let payload = String::from_utf8_lossy(&message.payload);
        assert!(!has_word(&payload, value) && !has_word(&message.topic, value), "{value} in {message:?}");
    }
    for line in Log::of_this_process().text().lines() {
        assert!(!has_word(line, value), "{value} in the log: {line}");
    }
    assert!(!has_word(&stored(home, Kind::Audit).await, value), "{value} in the audit trail");
}

#[test]
fn a_word_is_found_where_it_stands_alone() {
    for (text, is_there) in
        [("code 123456", true), ("\"123456\".", true), ("00:00:01.123456Z", false), ("x1234567", false)]
    {
        assert_eq!(has_word(text, "123456"), is_there, "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_car_is_asked_by_its_own_number_which_is_told_to_nobody() {
    Log::of_this_process();
    let home = TwoMakers::start().await;
    for (car, vin) in CARS {
        // The read that follows a command is over by then.
        home.home.advance(Duration::from_secs(60)).await;
        home.renault.reset_counters();
        assert_eq!(home.read(car).await.state, State::Succeeded);
        assert_eq!(home.command(car, "climate", r#""action":"start""#).await.state, State::Succeeded);
        let asked: Vec<_> = home.renault.log().into_iter().map(|entry| entry.path).collect();
        let of_cars = asked.iter().filter(|path| path.contains("/kamereon/"));
        assert!(of_cars.clone().count() > 4, "{asked:#?}");
        assert!(of_cars.clone().all(|path| path.contains(&format!("/{vin}/"))), "{asked:#?}");
    }
    // What fails is told of as well.
    home.renault.expire_id_tokens();
    home.renault.end_login_tokens(renault_simulator::Ended::Unauthorized);
    home.renault.set_password("another one");
    assert_ne!(home.read(FIVE.0).await.state, State::Succeeded);

    assert_eq!(home.renault.violations(), []);
    let cloud = renault_simulator::Config::default();
    let secrets = [cloud.username, cloud.password, cloud.gigya_key, cloud.kamereon_key, cloud.person_id];
    let numbers = CARS.map(|(_, vin)| vin.to_owned());
    for value in secrets.iter().chain(&numbers) {
        assert_nowhere(&home, value).await;
    }
    assert!(Log::of_this_process().text().contains("sign-in started"), "something was logged");
}

#[tokio::test(start_paused = true)]
async fn a_position_is_told_as_the_position_and_nowhere_else() {
    Log::of_this_process();
    let home = TwoMakers::start().await;
    let (latitude, longitude) = (48.123_457, 2.765_431);
    let moved = home.renault.change_car(FIVE.1, |car| (car.latitude, car.longitude) = (latitude, longitude));
    assert!(moved);
    home.read(FIVE.0).await;
    let place = home.retained("vehicle/five/location");
    assert_eq!((place["latitude"].as_f64(), place["longitude"].as_f64()), (Some(latitude), Some(longitude)));
    for message in home.messages().into_iter().filter(|message| !message.topic.ends_with("/location")) {
        let payload = String::from_utf8_lossy(&message.payload);
        assert!(!payload.contains("48.123457") && !payload.contains("2.765431"), "{message:?}");
    }
    let log = Log::of_this_process().text();
    assert!(!log.contains("48.123457") && !log.contains("2.765431"));
}

//! The device registration: one for all operations, made again only when it is refused, and the same for a
//! command and its polls.

use simulator::{Effect, Fault, RouteKind};
use testkit::{CCS2, Home, LEGACY};
use vehicle_connector::wire::message::Outgoing;
use vehicle_connector::wire::outcome::{Reason, State};

use crate::operations::{OPERATIONS, home, run};

const UNKNOWN_DEVICE: &str = "Invalid request body - Invalid deviceId.";

#[tokio::test(flavor = "multi_thread")]
async fn eight_commands_with_a_stale_device_register_once() {
    let home = home().await;
    home.settle().await;
    home.control().invalidate_device(None);
    let home = &home;
    // Doors, climate, windows and charge port of both cars.
    let commands = [LEGACY.0, CCS2.0].into_iter().flat_map(|slug| {
        [3, 5, 7, 8].map(|operation| async move { run(home, slug, OPERATIONS[operation]).await })
    });
    for report in futures_util::future::join_all(commands).await {
        assert!(report.state == State::Succeeded && report.attempts <= 2, "{report:?}");
    }
    let counters = home.control().counters();
    assert_eq!((counters.registrations, counters.grants_asked, counters.total_actuations()), (1, 0, 8));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_device_is_not_taken_for_a_wrong_pin() {
    for (slug, _) in [LEGACY, CCS2] {
        let home = home().await;
        home.settle().await;
        // Twice: nothing is left behind that would stop the second.
        for registrations in 1..=2 {
            home.control().invalidate_device(None);
            home.control().invalidate_control_tokens();
            home.clock.advance(601);
            home.control().set_clock_ahead(601 * registrations);
            let topic = format!("vehicle-connector/vehicle/{slug}/state");
            let states = home.documents(&topic).len();
            let report = run(&home, slug, OPERATIONS[7]).await;
            assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{slug}: {report:?}");
            // The read after the command is over too: it must not be what finds the next device gone.
            let states_now =
                |messages: &[Outgoing]| messages.iter().filter(|message| message.topic == topic).count();
            home.published.find(|messages| (states_now(messages) > states).then_some(())).await;
            assert_eq!(home.control().counters().registrations, registrations.unsigned_abs(), "{slug}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_refusal_of_the_device_registers_again_and_only_once() {
    for (message, registrations, attempts) in
        [("Invalid request body - Invalid parameter.", 0, 1), (UNKNOWN_DEVICE, 1, 2)]
    {
        for (slug, _) in [LEGACY, CCS2] {
            let home = home().await;
            home.settle().await;
            home.control()
                .inject(Fault::new(RouteKind::Command, Effect::envelope("4002", message)).forever());
            let report = home.command(slug, "lock", "").await;
            assert_eq!((report.state, report.attempts), (State::Failed, attempts), "{message}: {report:?}");
            assert_eq!(report.reason, Some(Reason::UpstreamRefused), "{message}: {report:?}");
            assert_eq!(home.control().counters().registrations, registrations, "{message}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_asked_about_with_the_device_that_it_was_sent_with() {
    let home = home().await;
    home.settle().await;
    // Between the command and its poll another registration takes the place of the one that it was sent with.
    home.control().inject(Fault::new(RouteKind::Records, Effect::Hold));
    home.send(LEGACY.0, "lock", r#"{"id":"pinned"}"#).await;
    home.control().wait_until(|counters| counters.held == 1).await;
    home.control().inject(Fault::new(RouteKind::Status, Effect::envelope("4002", UNKNOWN_DEVICE)));
    let read = home.command(CCS2.0, "refresh_cached", "").await;
    assert_eq!((read.state, home.control().counters().registrations), (State::Succeeded, 1), "{read:?}");
    // The poll that was on its way is lost, so that the next one is made when the registration is another.
    home.control().clear_faults();
    home.control().inject(Fault::new(RouteKind::Records, Effect::unavailable()).once_admitted());
    home.control().release();
    let report = home.ended(LEGACY.0, "pinned").await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");

    let log = home.control().log();
    let devices = |route: RouteKind| -> Vec<&String> {
        let header =
            |entry: &simulator::LogEntry| entry.headers.iter().position(|(name, _)| name == "ccsp-device-id");
        log.iter()
            .filter(|entry| entry.route == route && entry.path.contains(LEGACY.1))
            .filter_map(|entry| Some(&entry.headers[header(entry)?].1))
            .collect()
    };
    let polls = devices(RouteKind::Records);
    assert_eq!(polls.len(), 2);
    assert!(polls.iter().all(|device| *device == devices(RouteKind::Command)[0]), "{polls:?}");
    let read =
        log.iter().rfind(|entry| entry.route == RouteKind::Status && entry.status == Some(200)).unwrap();
    let newer = read.headers.iter().find(|(name, _)| name == "ccsp-device-id").unwrap();
    assert_ne!(&newer.1, polls[0]);
}

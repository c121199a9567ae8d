//! The real program, killed without warning, and started again on the same state directory.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use simulator::{ActionKind, Control, Effect, Ending, Fault, Outcome, RouteKind, Simulator};
use tempfile::TempDir;
use testkit::mqtt::{options, up};
use testkit::{LEGACY, configuration_text};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::timeout;
use vehicle_connector::demo::Broker;
use vehicle_connector::mqtt::{Event, Publisher, connect};
use vehicle_connector::wire::message::Outgoing;
use vehicle_connector::wire::outcome::{Reason, State};
use vehicle_connector::wire::report::Report;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A broker, a cloud, a state directory, and what was published.
pub(crate) struct House {
    cloud: Simulator,
    pub(crate) folder: TempDir,
    pub(crate) publisher: Publisher,
    pub(crate) published: watch::Receiver<Vec<(String, Vec<u8>)>>,
}

impl House {
    pub(crate) async fn start() -> Self {
        let cloud = Simulator::start(simulator::Config::default()).await.unwrap();
        let broker = Broker::start().unwrap();
        broker.ready().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let text = configuration_text(&cloud.base_url(), &format!("mqtt://127.0.0.1:{}", broker.port()));
        std::fs::write(folder.path().join("car.toml"), text).unwrap();

        let mut options = options(broker.port());
        options.client_id = "watcher".into();
        let (publisher, mut events) = connect(options).unwrap();
        up(&mut events).await;
        publisher.subscribe(&["vehicle-connector/#"]).await.unwrap();
        let (seen, published) = watch::channel(Vec::new());
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                if let Event::Message(message) = event {
                    seen.send_modify(|all| all.push((message.topic, message.payload.to_vec())));
                }
            }
        });
        Self { cloud, folder, publisher, published }
    }

    pub(crate) fn program(&self) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_vehicle-connector-under-test"));
        program
            .env_remove("RUST_LOG")
            .env("REFRESH_TOKEN", simulator::Config::default().refresh_token)
            .env("PIN", "1234")
            .stderr(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        program
    }

    pub(crate) fn config(&self) -> std::path::PathBuf {
        self.folder.path().join("car.toml")
    }

    /// Starts the host and waits until it serves, has found its cars and has read them.
    pub(crate) async fn host(&mut self) -> Child {
        let mut program = self.program();
        program.stderr(Stdio::null()).stdout(Stdio::null());
        let seen = self.published.borrow().len();
        let host = program.args(["run", "-c"]).arg(self.config()).spawn().unwrap();
        for car in ["/niro/state", "/ev6/state"] {
            self.wait(seen, |topic, _| topic.ends_with(car)).await;
        }
        host
    }

    /// Waits for a message among those after the first `from`.
    pub(crate) async fn wait(&mut self, from: usize, wanted: impl Fn(&str, &[u8]) -> bool) {
        let found = self
            .published
            .wait_for(|all| all.iter().skip(from).any(|(topic, payload)| wanted(topic, payload)));
        if timeout(PATIENCE, found).await.is_err() {
            let all = self.published.borrow();
            let since =
                all.iter().skip(from).map(|(topic, payload)| (topic, String::from_utf8_lossy(payload)));
            panic!("not published in time; there is: {:#?}", since.collect::<Vec<_>>());
        }
    }

    pub(crate) async fn reached(&mut self, id: &str, state: State) {
        let topic = format!("vehicle-connector/vehicle/niro/action/{id}");
        let reached = |report: &Report| report.state == state;
        self.wait(0, |at, payload| {
            at == topic && serde_json::from_slice::<Report>(payload).is_ok_and(|report| reached(&report))
        })
        .await;
    }

    pub(crate) fn finals(&self, id: &str) -> Vec<Report> {
        let topic = format!("vehicle-connector/vehicle/niro/action/{id}");
        let all = self.published.borrow();
        let reports = all.iter().filter(|(at, _)| *at == topic);
        let reports = reports.filter_map(|(_, payload)| serde_json::from_slice::<Report>(payload).ok());
        reports.filter(|report| report.state.is_final()).collect()
    }

    pub(crate) async fn unlock(&self, id: &str) {
        let payload = format!(r#"{{"id":"{id}","action":"unlock"}}"#);
        let topic = "vehicle-connector/vehicle/niro/cmd/lock";
        self.publisher.publish(Outgoing::new(topic, payload)).await.unwrap();
    }

    pub(crate) fn control(&self) -> Control {
        self.cloud.control()
    }

    pub(crate) fn unlocks(&self) -> u64 {
        self.control().counters().actuations_of(LEGACY.1, ActionKind::Unlock)
    }
}

pub(crate) async fn kill(mut host: Child) {
    host.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_host_asks_what_became_of_its_command_and_keeps_its_session() {
    let mut house = House::start().await;
    let host = house.host().await;
    let grants = house.control().counters().grants_asked;

    // The cloud takes it, and the car takes its time.
    house.control().queue_outcome(Outcome::new(Ending::Success).pending(3));
    house.unlock("pending").await;
    house.reached("pending", State::Pending).await;
    kill(host).await;
    // The broker delivers it once more to the next host, which is asked by an impatient caller too.
    let host = house.host().await;
    house.unlock("pending").await;
    house.reached("pending", State::Succeeded).await;
    let again = house.published.borrow().len();
    house.unlock("pending").await;
    house.wait(again, |topic, _| topic.ends_with("/niro/action/pending")).await;

    assert_eq!(house.unlocks(), 1, "sent once");
    for report in house.finals("pending") {
        assert_eq!((report.state, report.attempts), (State::Succeeded, 1), "{report:?}");
        assert!(report.sent_at.is_some() && report.upstream_action_id.is_some(), "{report:?}");
    }
    assert_eq!(house.control().counters().grants_asked, grants, "the session outlived the host");
    kill(host).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_was_taken_is_never_said_to_have_failed_however_often_hosts_end() {
    let mut house = House::start().await;
    let host = house.host().await;
    house.control().queue_outcome(Outcome::new(Ending::Success).pending(5));
    house.unlock("twice").await;
    house.reached("twice", State::Pending).await;
    kill(host).await;
    let polls = house.control().counters().polls;
    let mut host = house.host().await;
    house.control().wait_until(|counters| counters.polls > polls).await;
    let asked_to_stop = Command::new("kill").arg(host.id().unwrap().to_string()).status().await.unwrap();
    assert!(asked_to_stop.success() && host.wait().await.unwrap().success());
    assert!(
        house.finals("twice").is_empty(),
        "a host that is asked to stop knows no more than one that is killed"
    );
    let host = house.host().await;
    house.reached("twice", State::Succeeded).await;
    let reports = house.finals("twice");
    assert_eq!(reports.len(), 1);
    assert!(!reports[0].retryable && reports[0].upstream_calls > 1, "{reports:?}");
    assert_eq!(house.unlocks(), 1);
    kill(host).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_on_its_way_when_the_host_was_killed_is_unknown_and_not_sent_again() {
    let mut house = House::start().await;
    let host = house.host().await;
    house.control().inject(Fault::new(RouteKind::Command, Effect::Hold).after_acting());
    house.unlock("on-its-way").await;
    house.control().wait_until(|counters| counters.held == 1).await;
    kill(host).await;
    house.control().release();

    let host = house.host().await;
    house.reached("on-its-way", State::Unknown).await;
    let again = house.published.borrow().len();
    house.unlock("on-its-way").await;
    house.wait(again, |topic, _| topic.ends_with("/niro/action/on-its-way")).await;
    for report in house.finals("on-its-way") {
        assert_eq!((report.state, report.reason), (State::Unknown, Some(Reason::HostStopping)), "{report:?}");
        assert!(!report.retryable, "{report:?}");
    }
    assert_eq!(house.unlocks(), 1);

    // What failed on the way can be read while the host runs.
    let (read, lines) = a_read_that_refreshed(&mut house).await;
    replays_the_same(&house, &read, lines.lines().count()).await;

    // A second host may not use the same directory.
    let second = house.program().args(["run", "-c"]).arg(house.config()).output().await.unwrap();
    let message = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{message}");
    assert!(message.contains(&format!("process {}", host.id().unwrap())), "{message}");
    kill(host).await;
}

/// Ends the token and reads, until it is such a read that refreshes it: the host reads by itself as well, after its
/// start and after the command before, and whoever comes first refreshes for all. Returns the read, and its trail.
async fn a_read_that_refreshed(house: &mut House) -> (String, String) {
    let wanted = ["Token is expired", "refresh-and-retry -> refresh", "refresh of session generation"];
    for number in 0..10 {
        let read = format!("read-{number}");
        house.control().expire_access_token();
        let topic = "vehicle-connector/vehicle/niro/cmd/refresh_cached";
        house.publisher.publish(Outgoing::new(topic, format!(r#"{{"id":"{read}"}}"#))).await.unwrap();
        house.reached(&read, State::Succeeded).await;
        // The trail is written behind the command that it is about.
        for _ in 0..20 {
            let audit =
                house.program().args(["audit", "--operation", &read, "-c"]).arg(house.config()).output();
            let audit = audit.await.unwrap();
            assert!(audit.status.success(), "{audit:?}");
            let lines = String::from_utf8(audit.stdout).unwrap();
            if wanted.iter().all(|it| lines.contains(it)) {
                return (read, lines);
            }
        }
    }
    panic!("ten reads, and none of them has refreshed the token");
}

/// The policy that decided decides the same again; the baseline does not.
async fn replays_the_same(house: &House, read: &str, decisions: usize) {
    let arguments = ["audit", "--operation", read, "--json", "-c"];
    let json = house.program().args(arguments).arg(house.config()).output().await.unwrap().stdout;
    let file = house.folder.path().join("audit.jsonl");
    std::fs::write(&file, &json).unwrap();
    let replay = |arguments: &'static [&'static str]| {
        house.program().args(["policy", "replay"]).arg(&file).args(arguments).output()
    };
    let same = replay(&[]).await.unwrap();
    let summary = String::from_utf8(same.stderr).unwrap();
    assert_eq!(same.status.code(), Some(0), "{summary}");
    assert!(summary.contains(&format!("0 of {decisions} decisions")), "{summary}");

    let outdated = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest/dist/four-phrases.wasm");
    let mut wording = String::from_utf8(json).unwrap();
    wording = wording.replace("Token is expired", "token was ended");
    std::fs::write(&file, wording).unwrap();
    let replayed = house
        .program()
        .args(["policy", "replay", "--policy"])
        .arg(outdated)
        .arg(&file)
        .output()
        .await
        .unwrap();
    let shown = String::from_utf8(replayed.stdout).unwrap();
    assert_eq!(replayed.status.code(), Some(1), "{shown}");
    assert!(shown.contains("would be"), "{shown}");

    std::fs::write(&file, "{\"seq\":1}\n").unwrap();
    let wrong = replay(&[]).await.unwrap();
    let message = String::from_utf8(wrong.stderr).unwrap();
    assert_eq!(wrong.status.code(), Some(2), "{message}");
    assert!(message.contains("audit.jsonl:1: "), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_swapped_in_is_active_again_after_a_kill_and_what_was_bad_stays_out() {
    let mut house = House::start().await;
    let host = house.host().await;
    let policy = async |house: &House, arguments: &[&str]| {
        let mut program = house.program();
        let program = program.arg("policy").args(arguments).arg("-c").arg(house.config());
        let output = program.output().await.unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.code(), said)
    };
    let good = testkit::handmade::variant(vehicle_connector::plugin::embedded::POLICY, 1);
    let bad = testkit::handmade::policy::policy_deciding("unreachable");
    let write = |name: &str, component: &[u8]| {
        let path = house.folder.path().join(name);
        std::fs::write(&path, component).unwrap();
        path.display().to_string()
    };
    let (good_file, bad_file) = (write("good.wasm", &good), write("bad.wasm", &bad));
    assert_eq!(policy(&house, &["swap", &good_file]).await.0, Some(0));
    assert_eq!(policy(&house, &["swap", &bad_file]).await.0, Some(0));
    let digest = vehicle_connector::digest::Digest::of(&good).to_string();
    for n in 0..3 {
        house.control().expire_access_token();
        let id = format!("bad-{n}");
        house.unlock(&id).await;
        house.reached(&id, State::Failed).await;
    }
    let said_so = |topic: &str, payload: &[u8]| {
        topic.ends_with("/bridge/event") && String::from_utf8_lossy(payload).contains("policy_rolled_back")
    };
    house.wait(0, said_so).await;
    kill(host).await;

    let seen = house.published.borrow().len();
    let _host = house.host().await;
    let active = |topic: &str, payload: &[u8]| {
        topic.ends_with("/bridge/policy/policy") && String::from_utf8_lossy(payload).contains(&digest)
    };
    house.wait(seen, active).await;
    let (code, said) = policy(&house, &["swap", &bad_file]).await;
    assert!(code == Some(1) && said.contains("was rolled back at"), "{code:?} {said}");
    house.unlock("good").await;
    house.reached("good", State::Succeeded).await;
    let (code, said) = policy(&house, &["history"]).await;
    assert!(code == Some(0) && said.contains("control (uid") && said.contains("decide"), "{code:?} {said}");
}

//! A connector for a cloud that the program has never heard of, granted what its owner agrees to.
//!
//! It is the kit's example, `guest/dist/example.wasm`: an identifier and a password go to one endpoint.

use std::sync::Arc;

use example_cloud::Cloud;
use testkit::Recording;
use vehicle_connector::config::Config;
use vehicle_connector::digest::Digest;
use vehicle_connector::host::{Environment, Host, Request};
use vehicle_connector::store::MemoryStore;
use vehicle_connector::time::SystemClock;
use vehicle_connector::wire::outcome::{Reason, State};
use vehicle_connector::wire::publish::Publish;
use vehicle_connector::wire::report::Report;

pub(crate) mod desk;

use desk::{ACCOUNT, CONFIGURATION, Desk, example};

#[test]
fn a_stranger_s_connector_is_shown_and_installed_by_configuration_alone() {
    let desk = Desk::new();
    let (code, shown) = desk.run(&["connector", "inspect", "downloads/example.wasm", "-c", "car.toml"]);
    assert_eq!(code, 0, "{shown}");
    for part in [
        "name       example\n",
        "It reaches\n",
        "https://api.acme.example",
        "password",
        "Nothing of it is granted yet",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let (code, refused) = desk.run(&["connector", "install", "downloads/example.wasm", "-c", "car.toml"]);
    assert!(
        code == 1 && refused.contains("[y/N]") && refused.ends_with("nothing was installed\n"),
        "{refused}"
    );
    assert_eq!(desk.read("car.toml"), CONFIGURATION);
    assert!(!desk.path("example.wasm").exists());

    let (code, said) = desk.install();
    assert_eq!(code, 0, "{said}");
    let text = desk.read("car.toml");
    assert!(text.starts_with(CONFIGURATION) && text.contains("[connector.example]"), "{text}");
    assert!(text.contains(&format!("sha256 = \"{}\"", Digest::of(&example()))), "{text}");
    assert_eq!(std::fs::read(desk.path("example.wasm")).unwrap(), example());
    desk.write("car.toml", format!("{text}{ACCOUNT}").as_bytes());
    let (code, said) = desk.check();
    assert!(code == 0 && said.contains(": good; 1 account(s), 1 vehicle(s)"), "{said}");

    let (code, printed) = desk.run(&["connector", "inspect", "--toml", "downloads/example.wasm"]);
    let section: String =
        printed.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    assert!(code == 0 && text.ends_with(&section), "{printed}");
    let (code, said) = desk.install();
    assert!(code == 0 && said.contains("It asks for nothing besides what"), "{said}");
    assert_eq!(desk.read("car.toml"), format!("{text}{ACCOUNT}"));
}

#[test]
fn what_was_taken_from_the_grant_is_named_and_given_back_alone() {
    let desk = Desk::new();
    desk.install();
    let whole = desk.read("car.toml");
    let without: String = whole
        .lines()
        .filter(|line| !line.starts_with("access-token"))
        .map(|line| format!("{line}\n"))
        .collect();
    desk.write("car.toml", without.as_bytes());
    let says = "it wants the secret access-token (token)";
    let (code, said) = desk.check();
    assert!(code == 2 && said.contains(says) && said.contains("car.toml:5: [connector.example]"), "{said}");
    let (code, said) =
        desk.run(&["connector", "verify", "--offline", "downloads/example.wasm", "-c", "car.toml"]);
    assert!(code == 1 && said.contains(says), "{said}");
    // A secret that is not there is no reason not to know what is granted.
    desk.write("car.toml", format!("{without}{ACCOUNT}").replace("${CLIENT}", "${NOT_SET}").as_bytes());
    let (code, said) = desk.run(&["connector", "inspect", "downloads/example.wasm", "-c", "car.toml"]);
    assert!(
        code == 0 && said.contains("Not all of it is granted by car.toml:5") && said.contains(says),
        "{said}"
    );
    desk.write("car.toml", without.as_bytes());
    let (code, said) = desk.install();
    assert!(code == 0 && said.contains(says) && !said.contains("It reaches"), "{said}");
    assert_eq!(desk.check().0, 0, "{}", desk.check().1);
}

#[test]
fn a_grant_that_is_larger_or_weaker_than_what_is_asked_for_is_told() {
    let desk = Desk::new();
    desk.install();
    let text = desk.read("car.toml");
    desk.write("car.toml", format!("{text}\n[connector.example.settings]\nspare = {{}}\n").as_bytes());
    let (code, said) = desk.check();
    let (line, _) =
        desk.read("car.toml").lines().enumerate().find(|(_, line)| line.starts_with("spare")).unwrap();
    let unused = format!(
        "car.toml:{}: warning: [connector.example]: example.wasm: the setting spare is granted",
        line + 1
    );
    assert!(code == 0 && said.contains(&unused), "{said}");
    desk.write("car.toml", text.replace("class = \"password\"", "class = \"identifier\"").as_bytes());
    let (code, said) = desk.check();
    assert!(
        code == 2 && said.contains("calls the secret password password, and the grant says identifier"),
        "{said}"
    );
}

#[test]
fn of_a_version_that_wants_more_only_the_difference_is_shown_and_written() {
    let desk = Desk::new();
    desk.install();
    let before = desk.read("car.toml");
    // Its cloud has moved, to a name of the same length.
    let mut moved = example();
    let (old, new) = (b"api.acme.example", b"tap.acme.example");
    while let Some(at) = moved.windows(old.len()).position(|window| window == old) {
        moved[at..at + new.len()].copy_from_slice(new);
    }
    desk.write("downloads/example.wasm", &moved);
    let (code, said) = desk.install();
    assert!(code == 0 && said.contains("it wants to reach api at https://tap.acme.example"), "{said}");
    assert!(!said.contains("It uses the secrets"), "{said}");
    let after = desk.read("car.toml");
    let changed: Vec<_> = before.lines().zip(after.lines()).filter(|(old, new)| old != new).collect();
    assert_eq!((changed.len(), before.lines().count()), (3, after.lines().count()), "{changed:?}");
    assert_eq!(
        std::fs::read(desk.path("example.wasm")).unwrap(),
        example(),
        "the old configuration names it"
    );
}

#[test]
fn another_name_than_that_of_the_slot_is_told() {
    let desk = Desk::new();
    desk.install();
    let text = desk.read("car.toml").replace("[connector.example", "[connector.acme");
    desk.write("car.toml", text.as_bytes());
    let (code, said) = desk.check();
    assert!(
        code == 2 && said.contains("this is the connector example; name its section [connector.example]"),
        "{said}"
    );
}

#[test]
fn a_file_that_is_gone_is_a_problem_of_its_connector() {
    let desk = Desk::new();
    desk.install();
    std::fs::remove_file(desk.path("example.wasm")).unwrap();
    let (code, said) = desk.check();
    assert!(
        code == 2 && said.contains("connector.example.file: ") && said.contains("no such file"),
        "{said}"
    );
    // With nobody else to serve there is nothing to start for.
    desk.write("car.toml", format!("{}{ACCOUNT}", desk.read("car.toml")).as_bytes());
    let (code, said) = desk.run(&["run", "-c", "car.toml"]);
    assert!(code == 1 && said.contains("the connector example: connector.example.file: "), "{said}");
}

/// A host of the configuration on the desk.
struct Running {
    host: Arc<Host>,
    published: Arc<Recording>,
}

impl Running {
    async fn start(desk: &Desk) -> Self {
        let environment = |name: &str| (name == "CLIENT").then(|| example_cloud::CLIENT_ID.to_owned());
        let config = Config::parse(&desk.read("car.toml"), &desk.path("car.toml"), &environment).unwrap();
        let published = Arc::new(Recording::default());
        let (store, clock) = (Arc::new(MemoryStore::default()), Arc::new(SystemClock::start()));
        let environment = Environment::new(store, clock, Arc::clone(&published) as Arc<dyn Publish>);
        Self { host: Host::start(&config, environment).await.unwrap(), published }
    }

    async fn command(&self, operation: &str) -> Report {
        self.command_with(operation, "").await
    }

    /// Sends a command with these further fields.
    async fn command_with(&self, operation: &str, fields: &str) -> Report {
        let id = format!("c{}", self.published.number());
        let topic = format!("vehicle-connector/vehicle/one/cmd/{operation}");
        let payload = format!(r#"{{"id":"{id}"{fields}}}"#).into_bytes();
        self.host.handle(Request { topic, payload, ..Request::default() }).await;
        let topic = format!("vehicle-connector/vehicle/one/action/{id}");
        self.published.until(|| self.published.finals(&topic).into_iter().next()).await
    }
}

/// A desk where the example is installed for an account of this cloud. `allow` is what its car may be told to do.
fn installed(cloud: &Cloud, allow: &str) -> Desk {
    let desk = Desk::new();
    assert_eq!(desk.install().0, 0);
    let endpoints = format!("endpoints = {{ api = \"{}\" }}\n[vehicle", cloud.url());
    let account = ACCOUNT.replace("[vehicle", &endpoints);
    desk.write("car.toml", format!("{}{account}{allow}", desk.read("car.toml")).as_bytes());
    desk
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_one_connector_knows_is_commanded_by_its_name_if_it_is_allowed() {
    let cloud = Cloud::start().await.unwrap();
    let allowed = installed(&cloud, "allow = [\"refresh\", \"other/honk\"]\n");
    let home = Running::start(&allowed).await;
    assert_eq!(home.command("refresh_cached").await.state, State::Succeeded);
    let report = home.command_with("other/honk", ",\"times\":2").await;
    assert_eq!((report.state, report.op.as_str()), (State::Succeeded, "other/honk"), "{report:?}");
    for (operation, fields, reason) in [
        ("other/honk", ",\"times\":4", Reason::BadPayload),
        ("other/honk", ",\"loudness\":\"x\",\"times\":\"2\"", Reason::BadPayload),
        ("other/fly", "", Reason::UnknownOperation),
    ] {
        let report = home.command_with(operation, fields).await;
        assert_eq!((report.state, report.reason), (State::Rejected, Some(reason)), "{report:?}");
    }
    assert_eq!(cloud.state().honks, 2);
    let capabilities = home.published.find(|messages| {
        let all = messages.iter().filter(|message| message.topic.ends_with("/vehicle/one/capabilities"));
        all.filter_map(|message| serde_json::from_slice::<serde_json::Value>(&message.payload).ok())
            .find(|capabilities| capabilities["other/honk"] == true)
    });
    let honk = &capabilities.await["other"]["honk"];
    assert_eq!(
        (&honk["effect"], &honk["arguments"]["type"]),
        (&"actuation".into(), &"object".into()),
        "{honk}"
    );
    home.host.stop().await;

    let home = Running::start(&installed(&cloud, "")).await;
    let report = home.command("other/honk").await;
    assert_eq!((report.state, report.reason), (State::Rejected, Some(Reason::NotAllowed)), "{report:?}");
    let detail = "other/honk is not allowed; add \"other/honk\" to `allow` in [vehicle.one]";
    assert!(report.message.as_deref().is_some_and(|message| message.contains(detail)), "{report:?}");
    assert_eq!(cloud.state().honks, 2);
    home.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_s_connector_runs_by_configuration_alone() {
    let cloud = Cloud::start().await.unwrap();
    let home = Running::start(&installed(&cloud, "")).await;
    assert_eq!(home.command("refresh_cached").await.state, State::Succeeded);
    cloud.end_session();
    let report = home.command("lock").await;
    assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");
    let example_cloud::State { sign_ins, commands, locked, .. } = cloud.state();
    assert_eq!((sign_ins, commands, locked), (2, 1, true));
    home.host.stop().await;
}

//! Imports that are killed in the middle, over a session that is there: without a host, and with the one that runs.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use vehicle_connector::store::{Kind, Reader};

use crate::program::{Program, ended, serving};

/// Kills of an import that is a host for a moment, and of a host that is asked for one, which is started each time.
const KILLS: u64 = 20;
const KILLS_OF_A_HOST: u64 = 6;

/// A house that reaches nobody, so that nothing but imports changes the session, and two sessions to import.
struct House {
    program: Program,
    sets: [Value; 2],
}

impl House {
    fn new() -> Self {
        let program = Program::new();
        let sets = ["A", "B"].map(|letter| {
            let set = json!({
                "session": {"family": "legacy"},
                "access-token": format!("access-token-{}", letter.repeat(24)), "refresh-token": letter.repeat(48),
            });
            std::fs::write(program.dir.path().join(format!("{letter}.json")), set.to_string()).unwrap();
            set
        });
        Self { program, sets }
    }

    fn import(&self, which: usize) -> tokio::process::Command {
        let arguments = ["auth", "import", "home", ["A.json", "B.json"][which], "--from", "json", "--yes"];
        let mut program = self.program.command(&arguments);
        program
            .args(["-c", "car.toml"])
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        program
    }

    /// Imports the first set, and returns how long that takes.
    async fn imports(&self) -> Duration {
        let begun = Instant::now();
        let ran = ended(self.import(0).spawn().unwrap()).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        begun.elapsed()
    }

    /// Which of the sets the stored session is, all of it and nothing else.
    fn stored(&self) -> usize {
        let cells =
            Reader::open(&self.program.dir.path().join("car.state")).unwrap().list(Kind::Cell).unwrap();
        let (_, session) = cells.into_iter().find(|(key, _)| key == "home/session").unwrap();
        let session: Value = serde_json::from_slice(&session).unwrap();
        let is = |set: &Value| {
            let mut tokens = set.clone();
            let family = tokens.as_object_mut().unwrap().remove("session").unwrap();
            let value: Value = serde_json::from_str(session["value"].as_str().unwrap()).unwrap();
            session["secrets"] == tokens && value == family
        };
        self.sets.iter().position(is).unwrap_or_else(|| panic!("neither of both: {session}"))
    }
}

/// A moment within so long and a little more.
fn moment(seed: u64, within: Duration) -> Duration {
    within.mul_f64(fastrand::Rng::with_seed(seed).f64() * 1.2)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_killed_leaves_the_session_before_or_the_new_one() {
    let house = House::new();
    let mut takes = house.imports().await;
    let (mut killed, mut imported) = (0, 0);
    for seed in 0..KILLS {
        let before = house.stored();
        let next = 1 - before;
        let begun = Instant::now();
        let mut importing = house.import(next).spawn().unwrap();
        let ended = tokio::time::timeout(moment(seed, takes), importing.wait()).await;
        let says_so = match ended {
            Ok(ended) => {
                takes = begun.elapsed();
                ended.unwrap().success()
            }
            Err(_) => {
                importing.kill().await.unwrap();
                killed += 1;
                false
            }
        };
        let after = house.stored();
        assert!(after == next || !says_so, "seed {seed}: it has said that it is imported");
        if after == before {
            // The machine may have become slower since.
            takes = takes.mul_f64(1.1);
        }
        imported += u32::from(after == next);
    }
    assert!(killed > 0 && imported > 0, "{killed} killed, {imported} imported");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_killed_during_an_import_leaves_the_session_before_or_the_new_one() {
    let house = House::new();
    house.imports().await;
    let mut takes = Duration::ZERO;
    let (mut told, mut imported) = (0, 0);
    for seed in 0..KILLS_OF_A_HOST {
        let mut run = house.program.command(&["run", "-c", "car.toml"]);
        run.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
        let (mut host, _log) = serving(run.spawn().unwrap()).await;
        let before = house.stored();
        let next = 1 - before;
        let begun = Instant::now();
        let mut importing = std::pin::pin!(ended(house.import(next).spawn().unwrap()));
        // The first one is left to its end, and tells how long one takes.
        let within = if seed == 0 { crate::program::PATIENCE } else { moment(seed, takes) };
        let ran = tokio::time::timeout(within, &mut importing).await;
        if seed == 0 {
            takes = begun.elapsed();
        }
        host.kill().await.unwrap();
        let ran = match ran {
            Ok(ran) => ran,
            Err(_) => importing.await,
        };
        let after = house.stored();
        assert!(after == next || ran.code != 0, "seed {seed}: {ran:?}");
        // Who is not told that it is done is told something.
        assert!(ran.code == 0 || ran.err.len() > 20, "seed {seed}: {ran:?}");
        told += u32::from(ran.code != 0);
        imported += u32::from(after == next);
    }
    assert!(imported > 0, "{told} told otherwise");
}

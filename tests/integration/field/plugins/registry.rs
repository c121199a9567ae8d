//! What is kept of components, and what a rollback waits for.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use testkit::RealHome;
use testkit::handmade::variant;
use tokio::sync::watch;
use vehicle_connector::deployment::{Action, Offer, Outcome, Try};
use vehicle_connector::digest::Digest;
use vehicle_connector::plugin::{PluginKind, embedded};
use vehicle_connector::store::{Kind, Record, Store, StoreError, Write};

/// A store whose commits of slots wait while the disk does not answer.
#[derive(Debug)]
struct Gated {
    inner: Arc<dyn Store>,
    answers: watch::Receiver<bool>,
    waiting: watch::Sender<usize>,
}

impl Store for Gated {
    fn load<'a>(&'a self, kind: Kind, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        self.inner.load(kind, key)
    }

    fn list(&self, kind: Kind) -> BoxFuture<'_, Result<Vec<Record>, StoreError>> {
        self.inner.list(kind)
    }

    fn commit(&self, writes: Vec<Write>) -> BoxFuture<'static, Result<(), StoreError>> {
        let (inner, mut answers) = (Arc::clone(&self.inner), self.answers.clone());
        if writes.iter().all(|write| write.kind != Kind::Slot) {
            return inner.commit(writes);
        }
        self.waiting.send_modify(|waiting| *waiting += 1);
        Box::pin(async move {
            answers.wait_for(|answers| *answers).await.unwrap();
            inner.commit(writes).await
        })
    }
}

fn policy(number: u32) -> (Vec<u8>, Digest) {
    let component = variant(embedded::POLICY, number);
    let digest = Digest::of(&component);
    (component, digest)
}

async fn stored(home: &RealHome) -> Vec<String> {
    home.environment.store.keys(Kind::Component).await.unwrap()
}

async fn restart(home: &mut RealHome) {
    home.restart_configured(|_| {}).await.unwrap();
}

cases! {
    /// A start forgets every component that no slot and nothing that is tried out needs, and no other one.
    ["S11"] a_start_forgets_the_components_that_nothing_needs {
        let mut home = RealHome::start().await;
        let (nobodys, of_old) = (policy(90), policy(91));
        for (component, digest) in [&nobodys, &of_old] {
            let write = Write { kind: Kind::Component, key: digest.to_string(), value: Some(component.clone()) };
            home.environment.store.commit(vec![write]).await.unwrap();
        }
        let (active, candidate) = (policy(1), policy(2));
        home.swap_policy(active.0).await.unwrap();
        let offer = Offer::new(candidate.0, "test");
        home.host.deployments().rollouts().try_out(Try::Shadow, Some(&offer), "test").await.unwrap();
        assert_eq!(stored(&home).await.len(), 4);
        restart(&mut home).await;
        let mut needed = [active.1.to_string(), candidate.1.to_string()];
        needed.sort();
        assert_eq!(stored(&home).await, needed);
        assert_eq!(home.host.policy().active().generation().digest, active.1);
        assert!(home.host.deployments().rollouts().current().is_some());
    }

    /// However often a host is started and whatever is swapped meanwhile: what is active and four before it are all
    /// that is kept.
    ["S11"] restarts_after_swaps_do_not_let_the_store_grow {
        let mut home = RealHome::start().await;
        for round in 0..4 {
            for number in 0..6 {
                home.swap_policy(policy(10 * round + number).0).await.unwrap();
            }
            restart(&mut home).await;
            assert!(stored(&home).await.len() <= 5, "{:?}", stored(&home).await);
        }
    }

    /// A rollback is done at once, also while a swap is being written to a disk that does not answer, and it says that
    /// it is not on record yet. What was accepted before it takes its place after it, and a restart finds it so.
    ["S12"] a_rollback_waits_for_no_disk {
        let mut home = RealHome::start().await;
        let (first, second) = (policy(1), policy(2));
        home.swap_policy(first.0).await.unwrap();
        let (disk, answers) = watch::channel(true);
        let (waiting, mut waits) = watch::channel(0);
        home.environment.store = Arc::new(Gated { inner: Arc::clone(&home.environment.store), answers, waiting });
        restart(&mut home).await;
        let active = |home: &RealHome| home.host.policy().active().generation().digest;
        assert_eq!(active(&home), first.1);

        disk.send_replace(false);
        waits.borrow_and_update();
        let swap = tokio::spawn({
            let deployments = Arc::clone(home.host.deployments());
            let offer = Offer::new(second.0, "test");
            async move { deployments.swap(PluginKind::Policy, None, &offer).await }
        });
        waits.changed().await.unwrap();
        let back = home.host.deployments().rollback(PluginKind::Policy, None, "test").await.unwrap();
        assert_eq!((back.before.digest, back.active.digest), (first.1, Digest::of(embedded::HYUNDAI_KIA)));
        assert_eq!((active(&home), back.remembered), (back.active.digest, false));
        assert!(!swap.is_finished());

        disk.send_replace(true);
        let swapped = swap.await.unwrap().unwrap();
        assert_eq!((swapped.before.digest, swapped.active.digest), (back.active.digest, second.1));
        restart(&mut home).await;
        assert_eq!(active(&home), second.1);
        let history = home.host.deployments().history(PluginKind::Policy, None, 3).await.unwrap();
        let actions: Vec<_> = history.iter().map(|record| (record.action, record.result)).collect();
        let ok = |action| (action, Outcome::Ok);
        assert_eq!(actions, [ok(Action::Swap), ok(Action::Swap), ok(Action::Rollback)]);
    }
}

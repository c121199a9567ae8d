use std::collections::BTreeMap;

use parking_lot::Mutex;

use super::*;

/// Answers in turn, the last one for ever.
#[derive(Debug)]
struct Table(Mutex<BTreeMap<&'static str, Vec<Vec<&'static str>>>>);

impl Table {
    fn of(entries: &[(&'static str, &[&[&'static str]])]) -> Arc<Self> {
        let turns = |turns: &[&[&'static str]]| turns.iter().map(|turn| turn.to_vec()).collect();
        Arc::new(Self(Mutex::new(entries.iter().map(|&(name, answers)| (name, turns(answers))).collect())))
    }
}

impl Lookup for Table {
    fn addresses(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let mut table = self.0.lock();
        let answer = table.get_mut(name.as_str()).map(|turns| match turns.len() {
            1 => turns[0].clone(),
            _ => turns.remove(0),
        });
        let parsed = |answer: Vec<&str>| answer.into_iter().map(|it| it.parse().unwrap()).collect();
        Box::pin(std::future::ready(answer.map(parsed).ok_or_else(|| io::ErrorKind::NotFound.into())))
    }
}

async fn resolved(resolver: &Resolver, name: &str) -> Result<Vec<String>, String> {
    match resolver.resolve(name.parse().unwrap()).await {
        Ok(addresses) => Ok(addresses.map(|address| address.ip().to_string()).collect()),
        Err(error) => Err(error.to_string()),
    }
}

fn resolver(lookup: Arc<Table>) -> Resolver {
    Resolver::new(lookup, BTreeSet::from(["cloud.lan".to_owned()]))
}

#[tokio::test]
async fn what_leads_home_is_refused_by_name_address_and_way_out() {
    let resolver = resolver(Table::of(&[
        ("a.example", &[&["10.0.0.1"]]),
        ("b.example", &[&["::ffff:127.0.0.1", "169.254.169.254"]]),
        ("c.example", &[&["64:ff9b::c0a8:1"]]),
        ("d.example", &[&["224.0.0.1"]]),
        ("cloud.lan.evil.example", &[&["192.168.1.1"]]),
        ("localhost.evil.example", &[&["127.0.0.1"]]),
    ]));
    let refused = |name: &'static str| resolved(&resolver, name);
    assert_eq!(
        refused("a.example").await.unwrap_err(),
        "a.example resolves to 10.0.0.1, which is a private address; name it in [network] private_hosts if \
         that is meant"
    );
    let second = refused("b.example").await.unwrap_err();
    assert!(second.contains("::ffff:127.0.0.1, which is an address of this machine"), "{second}");
    assert!(refused("c.example").await.unwrap_err().contains("a private address"));
    // No owner can mean that.
    assert_eq!(
        refused("d.example").await.unwrap_err(),
        "d.example resolves to 224.0.0.1, which is an address of several machines"
    );
    assert!(refused("cloud.lan.evil.example").await.is_err());
    assert!(refused("localhost.evil.example").await.is_err());
    let unknown = refused("nowhere.example").await.unwrap_err();
    assert!(!unknown.contains("private_hosts"), "{unknown}");
}

#[tokio::test]
async fn of_a_mixed_answer_only_what_is_on_the_internet_is_left() {
    let resolver = resolver(Table::of(&[("a.example", &[&["127.0.0.1", "1.1.1.1", "fd00::1", "2a00::1"]])]));
    assert_eq!(resolved(&resolver, "a.example").await.unwrap(), ["1.1.1.1", "2a00::1"]);
}

#[tokio::test]
async fn an_answer_that_changes_is_looked_at_each_time() {
    let resolver = resolver(Table::of(&[("a.example", &[&["1.1.1.1"], &["127.0.0.1"], &["1.1.1.1"]])]));
    assert!(resolved(&resolver, "a.example").await.is_ok());
    assert!(resolved(&resolver, "a.example").await.is_err());
    assert!(resolved(&resolver, "a.example").await.is_ok());
}

#[tokio::test]
async fn names_that_are_meant_may_lead_home() {
    let home: &[&[&str]] = &[&["192.168.1.7", "100.64.0.1", "127.0.0.1", "fe80::1", "fd00::1", "0.0.0.0"]];
    let resolver = resolver(Table::of(&[
        ("cloud.lan", home),
        ("cloud.lan.", home),
        ("CLOUD.lan", home),
        ("localhost", &[&["::1", "127.0.0.1", "10.0.0.1"]]),
    ]));
    for name in ["cloud.lan", "cloud.lan.", "CLOUD.lan"] {
        let addresses = resolved(&resolver, name).await.unwrap();
        assert_eq!(addresses, ["192.168.1.7", "100.64.0.1", "127.0.0.1", "fe80::1", "fd00::1"], "{name}");
    }
    assert_eq!(resolved(&resolver, "localhost").await.unwrap(), ["::1", "127.0.0.1"]);
}

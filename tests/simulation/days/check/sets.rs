//! Sets of tokens: one request at a time, none is offered again for which there is another one, and one that is dead is
//! not offered again and again.

use std::collections::{HashMap, HashSet};

use testkit::trace::{Event, Fate};

use crate::days::home::Run;

pub fn check(run: &Run, found: &mut Vec<String>) {
    let mut under_way: Option<u64> = None;
    let mut offers: HashMap<u64, u64> = HashMap::new();
    // Without a signature somebody else may refuse what is good.
    let mut signed = false;
    let (mut replaced, mut refused) = (HashSet::<u64>::new(), HashMap::<u64, u32>::new());
    for entry in &run.trace {
        let at = entry.at.as_secs_f64();
        match &entry.event {
            Event::Departed(request) if request.is_of_session() => {
                if let Some(earlier) = under_way.replace(request.number) {
                    found.push(format!("#{} at {at:.3}, while #{earlier} is under way", request.number));
                }
                let Some(set) = request.offers else { continue };
                offers.insert(request.number, set);
                signed = request.path.starts_with("/auth/");
                if replaced.contains(&set) {
                    found.push(format!("set {set} is refreshed a second time at {at:.3}"));
                }
                // Once, if the sign-in that followed has come to nothing: then the account waits for a person.
                if refused.get(&set).is_some_and(|times| *times > 1) {
                    found.push(format!("set {set} is offered again at {at:.3}, after it was refused twice"));
                }
            }
            Event::SetGiven(number) => replaced.extend(offers.get(number)),
            Event::Ended(number, fate) if under_way == Some(*number) => {
                under_way = None;
                if let (Fate::GrantRefused, true, Some(set)) = (fate, signed, offers.get(number)) {
                    *refused.entry(*set).or_default() += 1;
                }
            }
            // What becomes of one that is under way nobody learns any more, and the next host learns anew what it does
            // not know.
            Event::Stopped => {
                under_way = None;
                refused.clear();
            }
            // A person may have the same tried once more.
            Event::PersonActs => refused.clear(),
            _ => {}
        }
    }
    let made = run.all.refreshes + run.all.code_exchanges;
    if run.all.cci_generation != made {
        found.push(format!("the cloud has made {} sets, and counts {made}", run.all.cci_generation));
    }
}

//! Requests about vehicles: which there are, and what is known of them. Nothing is asked of a cloud.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::caller::Caller;
use super::{RequestDesk, parsed};
use crate::host::announcer::problem_of;
use crate::host::fleet::Members;
use crate::vehicle::Vehicle;
use crate::vehicle::controls::Shown;
use crate::vehicle::state::{Location, Published};
use crate::wire::outcome::Reason;
use crate::wire::report::Report;

/// A request without arguments.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct All {
    /// Transaction, which only the answer needs.
    #[serde(default, rename = "transaction")]
    _transaction: Value,
}

/// What a request about vehicles names.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    /// One vehicle; without it all of them.
    vehicle: Option<String>,
    /// Whether the positions are wanted too.
    #[serde(default)]
    location: bool,
    /// Transaction, which only the answer needs.
    #[serde(default, rename = "transaction")]
    _transaction: Value,
}

/// What every answer says of a vehicle.
#[derive(Serialize)]
struct Entry<'v> {
    vehicle: &'v str,
    account: Option<OfAccount<'v>>,
    /// As on the vehicle's topic; none before it was looked for.
    availability: Option<&'static str>,
    problem: Value,
}

/// The account of a vehicle, and how that is.
#[derive(Serialize)]
struct OfAccount<'v> {
    name: &'v str,
    state: Value,
    reason: Value,
}

/// A vehicle in the list: what tells at a glance how it is.
#[derive(Serialize)]
struct Listed<'v> {
    #[serde(flatten)]
    entry: Entry<'v>,
    soc_percent: Option<f64>,
    range_km: Option<f64>,
    locked: Option<bool>,
    charging: Option<bool>,
    stale: Option<bool>,
    age_s: Option<i64>,
}

/// Everything that is known of a vehicle.
#[derive(Serialize)]
struct Status<'v> {
    #[serde(flatten)]
    entry: Entry<'v>,
    state: Option<Published>,
    age_s: Option<i64>,
    capabilities: Option<Value>,
    /// What its controls show; none of a vehicle that is not served.
    controls: Option<Shown>,
    last_action: Option<Report>,
    /// Only if it is wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<Option<Location>>,
}

impl RequestDesk {
    /// Does what a request about vehicles asks for; none if there is no such request.
    pub(super) async fn about_vehicles(
        &self,
        what: &str,
        payload: &[u8],
        caller: Caller<'_>,
    ) -> Option<Result<Value, String>> {
        let takes = "vehicle/status takes {}, {\"vehicle\":\"…\"} or {\"location\":true}";
        Some(match what {
            "list" => {
                parsed(payload, "vehicle/list takes {}").map(|All { .. }| json!(self.list(&self.fleet.now())))
            }
            "status" => match parsed(payload, takes) {
                Ok(which) => {
                    let members = self.fleet.now();
                    self.status(&members, which, caller).await.map(|all| json!(all))
                }
                Err(why) => Err(why),
            },
            _ => return None,
        })
    }

    fn list<'m>(&self, members: &'m Members) -> Vec<Listed<'m>> {
        let served = members.vehicles.values().map(|vehicle| {
            let published = vehicle.memory().published();
            let age_s = published.as_ref().map(|published| self.age(published));
            let stale = published.as_ref().map(|published| published.meta.stale);
            let state = published.map(|published| published.state).unwrap_or_default();
            Listed {
                entry: entry(vehicle),
                soc_percent: state.soc_percent,
                range_km: state.range_km,
                locked: state.locked,
                charging: state.charging,
                stale,
                age_s,
            }
        });
        let out = members.vehicles_out.iter().map(|(slug, out)| Listed {
            entry: out_of_service(slug, &out.why),
            soc_percent: None,
            range_km: None,
            locked: None,
            charging: None,
            stale: None,
            age_s: None,
        });
        let mut all: Vec<_> = served.chain(out).collect();
        all.sort_by_key(|listed| listed.entry.vehicle);
        all
    }

    /// Says what is known of one vehicle, or of each.
    async fn status<'m>(
        &self,
        members: &'m Members,
        which: Which,
        caller: Caller<'_>,
    ) -> Result<Vec<Status<'m>>, String> {
        let Which { vehicle: wanted, location, .. } = which;
        if location && caller.is_message() {
            let topic = self.services.topics.vehicle("<veh>", "location");
            return Err(format!("no answer to a message has a position; {topic} has it"));
        }
        let is_wanted = |slug: &str| wanted.as_ref().is_none_or(|wanted| wanted == slug);
        let mut all = Vec::new();
        for (_, vehicle) in members.vehicles.iter().filter(|(slug, _)| is_wanted(slug)) {
            all.push(self.status_of(vehicle, location).await);
        }
        let out = members.vehicles_out.iter().filter(|(slug, _)| is_wanted(slug));
        all.extend(out.map(|(slug, out)| Status {
            entry: out_of_service(slug, &out.why),
            state: None,
            age_s: None,
            capabilities: None,
            controls: None,
            last_action: None,
            location: location.then_some(None),
        }));
        all.sort_by_key(|status| status.entry.vehicle);
        match wanted {
            Some(wanted) if all.is_empty() => Err(members.no_vehicle(&wanted)),
            _ => Ok(all),
        }
    }

    async fn status_of<'v>(&self, vehicle: &'v Vehicle, location: bool) -> Status<'v> {
        let last_action = self.commands.last(&vehicle.slug).await;
        let entry = entry(vehicle);
        let memory = vehicle.memory();
        let state = memory.published();
        Status {
            entry,
            age_s: state.as_ref().map(|published| self.age(published)),
            state,
            capabilities: self.announcer.capabilities(vehicle, &memory),
            controls: Some(memory.controls.shown(&memory.known, &vehicle.account.takes)),
            last_action,
            location: location.then(|| memory.known.location().filter(|_| vehicle.shows_location()).cloned()),
        }
    }

    /// Seconds since the vehicle said what is known of it; since it was read, if it did not say when.
    fn age(&self, published: &Published) -> i64 {
        let said = published.meta.vehicle_time.unwrap_or(published.meta.fetched_at);
        self.services.clock.now().duration_since(said).as_secs().max(0)
    }
}

fn entry(vehicle: &Vehicle) -> Entry<'_> {
    let mut account = vehicle.account.shown();
    let mut take = |field: &str| account.get_mut(field).map(Value::take).unwrap_or_default();
    let account = OfAccount { name: &vehicle.account.slug, state: take("state"), reason: take("reason") };
    let memory = vehicle.memory();
    let (availability, problem) = match &memory.missing {
        Some(missing) => (Some("offline"), problem_of(missing)),
        None => (memory.operations().map(|_| "online"), Value::Null),
    };
    Entry { vehicle: &vehicle.slug, account: Some(account), availability, problem }
}

/// What every answer says of a vehicle whose connector could not begin.
fn out_of_service<'v>(slug: &'v str, why: &str) -> Entry<'v> {
    let problem = json!({"reason": Reason::ConnectorFault, "message": why});
    Entry { vehicle: slug, account: None, availability: Some("offline"), problem }
}

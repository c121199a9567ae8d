//! Properties of a circuit under any events, in any order, at any time.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

use proptest::prelude::*;

use super::*;

/// An event that a circuit may see. Permits are named by their place among all that were ever given.
#[derive(Debug, Clone)]
enum Event {
    Admit(Purpose),
    Succeed(usize),
    Fail(usize),
    Abandon(usize),
    Pass(Duration),
    Isolate,
    Trip(Duration),
    Close,
}

/// Events caused by the vendor and the callers; with an operator, also those that he causes.
fn event(with_operator: bool) -> impl Strategy<Value = Event> {
    let purpose = prop_oneof![3 => Just(Purpose::Read), 1 => Just(Purpose::Act)];
    let pause = prop_oneof![0_u64..5_000, 0_u64..120_000].prop_map(Duration::from_millis);
    let operator = if with_operator { 1 } else { 0 };
    prop_oneof![
        10 => purpose.prop_map(Event::Admit),
        3 => any::<usize>().prop_map(Event::Succeed),
        8 => any::<usize>().prop_map(Event::Fail),
        2 => any::<usize>().prop_map(Event::Abandon),
        6 => pause.clone().prop_map(Event::Pass),
        operator => Just(Event::Isolate),
        operator => pause.prop_map(Event::Trip),
        operator => Just(Event::Close),
    ]
}

fn events(with_operator: bool) -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec(event(with_operator), 0..120)
}

fn any_duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        4 => (0_u64..200).prop_map(Duration::from_secs),
        1 => any::<Duration>(),
        1 => Just(Duration::ZERO),
        1 => Just(Duration::MAX),
        1 => (0_u64..200).prop_map(|seconds| Duration::MAX - Duration::from_secs(seconds)),
    ]
}

fn any_settings() -> impl Strategy<Value = Settings> {
    let ratio = prop_oneof![Just(0.0), 0.0_f32..=1.0, any::<f32>(), Just(f32::NAN)];
    let small = |most: u32| prop_oneof![4 => 0..most, 1 => any::<u32>()];
    (small(8), ratio, small(8), any_duration(), any_duration(), small(5), any_duration()).prop_map(
        |(consecutive, ratio, minimum, window, open_for, probes, lease)| {
            Settings::default()
                .consecutive_failures(consecutive)
                .failure_ratio(ratio, minimum, window)
                .open_for(open_for)
                .probes(probes, lease)
        },
    )
}

/// A circuit, and the part of it that is known outside.
#[derive(Debug)]
struct World {
    circuit: Circuit,
    now: Duration,
    permits: Vec<Permit>,
    /// Probes of the present half-open state without a result, with the ends of their leases.
    probes: Vec<(Permit, Duration)>,
}

impl World {
    fn state(&self) -> StateName {
        self.circuit.snapshot(self.now).state
    }

    /// Makes a world whose circuit has these settings already: until a result brings some, others would hold.
    fn under(settings: Settings) -> Self {
        let (now, permits, probes) = Default::default();
        Self { circuit: Circuit::new(settings), now, permits, probes }
    }

    fn after(events: &[Event], settings: Settings) -> Self {
        let mut world = Self::under(settings);
        for event in events {
            world.happen(event, settings);
        }
        world
    }

    /// Applies an event. Returns whether a call was admitted, and the change of state that was announced.
    fn happen(&mut self, event: &Event, settings: Settings) -> (bool, Option<Transition>) {
        let (circuit, now) = (&mut self.circuit, self.now);
        let told = match event {
            Event::Admit(purpose) => {
                let closed = circuit.is_closed();
                let Ok((permit, told)) = circuit.admit(now, *purpose) else { return (false, None) };
                self.permits.push(permit);
                if told.is_some() {
                    self.probes.clear();
                }
                if !closed {
                    self.probes.push((permit, now.saturating_add(settings.probe_lease)));
                }
                return (true, told);
            }
            Event::Pass(time) => {
                self.now = now.saturating_add(*time);
                None
            }
            Event::Isolate => circuit.isolate(),
            Event::Trip(time) => circuit.trip(now, *time),
            Event::Close => circuit.close(),
            Event::Succeed(at) | Event::Fail(at) | Event::Abandon(at) => {
                if self.permits.is_empty() {
                    return (false, None);
                }
                let permit = self.permits[at % self.permits.len()];
                self.probes.retain(|(probe, _)| *probe != permit);
                match event {
                    Event::Succeed(_) => circuit.succeeded(permit, now, settings),
                    Event::Fail(_) => circuit.failed(permit, now, settings),
                    _ => {
                        circuit.abandoned(permit);
                        None
                    }
                }
            }
        };
        (false, told)
    }

    fn live_probes(&self) -> usize {
        self.probes.iter().filter(|(_, ends)| self.now < *ends).count()
    }
}

proptest! {
    #[test]
    fn a_command_is_admitted_only_when_closed(events in events(true), settings in any_settings()) {
        let mut world = World::under(settings);
        for event in &events {
            let before = world.state();
            let (admitted, _) = world.happen(event, settings);
            if admitted && matches!(event, Event::Admit(Purpose::Act)) {
                prop_assert_eq!(before, StateName::Closed);
            }
        }
    }

    #[test]
    fn never_more_probes_than_there_are_places(events in events(true), settings in any_settings()) {
        let mut world = World::under(settings);
        for event in &events {
            world.happen(event, settings);
            if world.state() == StateName::HalfOpen {
                let live = world.live_probes();
                prop_assert!(live <= settings.probes.try_into().unwrap(), "{live} of {}", settings.probes);
            }
        }
    }

    /// Probes under way never come back; the calls of all others go well.
    #[test]
    fn once_all_is_well_it_closes_in_time(events in events(false), settings in any_settings()) {
        let mut world = World::after(&events, settings);
        let start = world.now;
        for _ in 0..200 {
            if world.circuit.is_closed() {
                break;
            }
            match world.circuit.admit(world.now, Purpose::Read) {
                Ok((permit, _)) => {
                    world.circuit.succeeded(permit, world.now, settings);
                }
                Err(refused) => world.now += refused.retry_in.unwrap(),
            }
        }
        prop_assert!(world.circuit.is_closed(), "{:?}", world.circuit);
        let took = world.now - start;
        prop_assert!(took <= settings.open_for + settings.probe_lease, "{took:?}");
    }

    #[test]
    fn isolated_it_admits_nothing(before in events(true), after in events(true), settings in any_settings()) {
        let mut world = World::after(&before, settings);
        world.circuit.isolate();
        for event in after.iter().filter(|event| !matches!(event, Event::Close)) {
            prop_assert_eq!(world.happen(event, settings), (false, None));
            prop_assert!(world.circuit.is_isolated());
        }
    }

    #[test]
    fn what_is_told_is_what_has_changed(events in events(true), settings in any_settings()) {
        let mut world = World::under(settings);
        for event in &events {
            // An open circuit whose time is over shows as half open before its first probe makes it so.
            let is_open = |world: &World| matches!(world.circuit.state, State::Open { .. });
            let before = (world.state(), is_open(&world));
            let (_, told) = world.happen(event, settings);
            let after = (world.state(), is_open(&world));
            match told {
                Some(Transition::Opened { .. }) => prop_assert!(!before.1 && after.1),
                Some(Transition::HalfOpened) => {
                    prop_assert!(before.1 && after == (StateName::HalfOpen, false));
                }
                Some(Transition::Closed) => {
                    prop_assert!(before.0 != StateName::Closed && after.0 == StateName::Closed);
                }
                Some(Transition::Isolated) => {
                    prop_assert!(before.0 != StateName::Isolated && after.0 == StateName::Isolated);
                }
                None => prop_assert!(before.1 && after.1 || before.0 == after.0),
            }
        }
    }

    /// Time stands still, leaps and goes back; settings are swapped with every result.
    #[test]
    fn nothing_makes_it_panic(
        steps in prop::collection::vec((event(true), any_duration(), any_settings()), 0..80),
    ) {
        let mut world = World::under(Settings::default());
        for (event, now, settings) in steps {
            world.now = now;
            world.happen(&event, settings);
            let snapshot = world.circuit.snapshot(now);
            prop_assert!(snapshot.counts.failures <= snapshot.counts.calls);
            prop_assert!(snapshot.ratio.is_none_or(|ratio| (0.0..=1.0).contains(&ratio)));
        }
    }
}

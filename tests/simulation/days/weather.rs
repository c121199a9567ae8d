//! Weather: everything that a cloud can answer, and everything around it that can be wrong.

use std::time::Duration;

use fastrand::Rng;
use simulator::{Effect, Fault, Firewall, RouteKind, SignInOutcome};
use testkit::network::Outage;

use super::schedule::one_of;
use crate::schedule::CARS;

/// One thing that happens.
#[derive(Debug, Clone)]
pub enum Happening {
    /// A car is read.
    Read(&'static str),
    /// The session is over: 4111.
    SessionEnds,
    /// The token for the cars ends.
    AccessEnds,
    /// Sign-ins end like this from now on.
    SignInsEnd(SignInOutcome),
    /// The firewall stands before the page of a sign-in, or not any more.
    Firewall(Option<Firewall>),
    /// The gate takes other keys: 9036.
    OtherKeys,
    /// The gate is closed to calls without a signature too, or open: 9035.
    UnsignedRoute(bool),
    /// The cloud's clock is off by so many seconds: 9037, and tokens that end early or late.
    ClockAhead(i64),
    /// The cloud fails.
    Fault(Fault),
    /// All of that is right again.
    Mend,
    /// Something cannot be reached.
    Outage(Outage),
    /// The host stops and another one starts on the same state.
    Restart,
    /// A person signs in by hand.
    Login,
    /// A person says that the terms are accepted.
    Confirm,
    /// A person has the same tried once more.
    Retry,
}

/// Bursts, and pauses in which something can end.
pub fn pause(rng: &mut Rng) -> Duration {
    Duration::from_millis(match rng.u8(..100) {
        0..30 => rng.u64(..2_000),
        30..60 => rng.u64(2_000..120_000),
        60..85 => rng.u64(120_000..3_600_000),
        _ => rng.u64(3_600_000..6 * 3_600_000),
    })
}

/// Draws one thing that happens.
pub fn draw(rng: &mut Rng) -> Happening {
    match rng.u8(..100) {
        0..34 => Happening::Read(CARS[rng.usize(..2)].0),
        34..41 => Happening::SessionEnds,
        41..46 => Happening::AccessEnds,
        46..56 => Happening::SignInsEnd(one_of(
            rng,
            &[
                SignInOutcome::Granted,
                SignInOutcome::Refused,
                SignInOutcome::Consent,
                SignInOutcome::Consent,
                SignInOutcome::LoginPage,
                SignInOutcome::BlockedPage,
                SignInOutcome::BlockedRedirect,
            ],
        )),
        56..58 => Happening::Firewall(one_of(rng, &[None, Some(Firewall::Page), Some(Firewall::Redirect)])),
        58..61 => Happening::OtherKeys,
        61..63 => Happening::UnsignedRoute(rng.bool()),
        63..66 => Happening::ClockAhead(one_of(rng, &[0, 200, -200, 1_200, -1_200, 86_400, -86_400])),
        66..80 => Happening::Fault(fault(rng)),
        80..84 => Happening::Mend,
        84..87 => Happening::Outage(one_of(rng, &[Outage::Nothing, Outage::Tokens, Outage::Everything])),
        87..90 => Happening::Restart,
        90..95 => Happening::Login,
        95..98 => Happening::Confirm,
        _ => Happening::Retry,
    }
}

/// A page of something that stands before the service.
fn page(rng: &mut Rng, status: u16) -> Effect {
    let headers = match rng.u8(..3) {
        0 => vec![("retry-after".to_owned(), rng.u64(1..7_200).to_string())],
        _ => Vec::new(),
    };
    let body = one_of(rng, &["<html>Forbidden</html>", "<html>unwell</html>", ""]);
    Effect::Answer { status, body: body.to_owned(), headers }
}

fn fault(rng: &mut Rng) -> Fault {
    use RouteKind::{
        Any, Certs, CodeExchange, Register, SignIn, SignInPage, Status, TokenExchange, TokenRefresh, Vehicles,
    };
    let route = one_of(
        rng,
        &[
            Any,
            SignInPage,
            Certs,
            SignIn,
            SignIn,
            CodeExchange,
            CodeExchange,
            TokenExchange,
            TokenExchange,
            TokenRefresh,
            TokenRefresh,
            TokenRefresh,
            Register,
            Vehicles,
            Status,
        ],
    );
    let fault = match rng.u8(..14) {
        0 => Fault::new(route, Effect::Drop),
        1 | 2 => Fault::new(route, Effect::Drop).after_acting(),
        3 => Fault::new(route, Effect::Truncate { keep: rng.usize(..2_000) }),
        4 => Fault::new(route, Effect::Delay { millis: rng.u64(100..90_000) }).after_acting(),
        5 | 6 => {
            let status = one_of(rng, &[403, 429, 429, 503, 503, 500, 502]);
            Fault::new(route, page(rng, status))
        }
        7 => {
            let status = one_of(rng, &[403, 429, 502, 503, 504]);
            Fault::new(route, page(rng, status)).after_acting()
        }
        8 | 9 => {
            let codes = ["9001", "9001", "9035", "9036", "9037", "4111", "9013", "9009", "9030"];
            Fault::new(route, Effect::envelope(one_of(rng, &codes), "something is wrong"))
        }
        10 => Fault::new(route, Effect::envelope("9001", "external service error")).after_acting(),
        // Answers without what they are wanted for.
        11 => Fault::new(route, Effect::answer(200, one_of(rng, &["{}", "", "<html>ok</html>", "[1]"]))),
        12 => Fault::new(route, Effect::answer(200, "{\"expiresIn\":3599,\"scope\":null}")).after_acting(),
        _ => Fault::new(route, Effect::answer(401, one_of(rng, &["{\"error\":\"no\"}", "{}", ""]))),
    };
    match rng.u8(..10) {
        0 => fault.forever(),
        times => fault.times(u64::from(times / 3 + 1)),
    }
}

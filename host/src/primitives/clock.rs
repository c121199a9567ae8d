//! Time for guests.

use super::{ConnectorCx, LONGEST_SLEEP};
use crate::bindings::clock::{Datetime, Host};
use crate::time::{milliseconds, of_milliseconds};

impl Host for ConnectorCx {
    async fn now(&mut self) -> wasmtime::Result<Datetime> {
        let now = self.call.context.clock.now();
        // Before 1970 there were no connected cars.
        let seconds = u64::try_from(now.as_second()).unwrap_or(0);
        let nanoseconds = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
        let now = Datetime { seconds, nanoseconds };
        self.call.given("the time", &now);
        Ok(now)
    }

    async fn monotonic(&mut self) -> wasmtime::Result<u32> {
        let elapsed = milliseconds(self.call.context.clock.monotonic());
        self.call.given("the stopwatch", &elapsed);
        Ok(elapsed)
    }

    async fn sleep(&mut self, duration: u32) -> wasmtime::Result<u32> {
        let pause = of_milliseconds(duration).min(LONGEST_SLEEP);
        self.pause(pause)?;
        tokio::time::sleep(pause).await;
        Ok(milliseconds(pause))
    }
}

//! What repeats cost at most.

use super::*;
use testkit::handmade::policy::{always, policy_deciding};

#[tokio::test(start_paused = true)]
async fn an_outage_is_repeated_from_a_stock_and_not_at_every_read() {
    let home = VirtualHome::start().await;
    // Repeats at once whatever happens and opens no circuit: what bounds it is the host alone.
    let eager = policy_deciding(&always("retry"));
    home.decide_with(&testkit::virtual_home::compiled(&eager)).await;
    home.control.inject(Fault::new(RouteKind::Status, Effect::unavailable()).forever());
    let load = home.reads(TEN_A_SECOND, seconds(50)).await;
    let attempts = home.counters().status;
    assert_eq!((load.reports.len(), load.failed().len()), (500, 500));
    assert!(attempts > 500, "some are repeated");
    assert!(attempts <= 500 + 36 + 50, "{attempts} attempts");
    let counted: u32 = load.reports.iter().map(|report| report.attempts).sum();
    assert_eq!(u64::from(counted), attempts, "reports tell the truth");
}

use super::*;

fn retry(at: i64) -> Retry {
    Retry { at: Timestamp::from_second(at).unwrap(), by: "test".to_owned(), lifted: Vec::new() }
}

#[test]
fn a_few_a_day_whatever_the_clock_said() {
    let start = 1_800_000_000;
    let now = Timestamp::from_second(start + 100).unwrap();
    assert_eq!(left(&[], now), Ok(MOST_A_DAY));
    assert_eq!(left(&[retry(start), retry(start + 1)], now), Ok(MOST_A_DAY - 2));
    let full = [retry(start - 90_000), retry(start), retry(start + 1), retry(start + 2)];
    let from = Timestamp::from_second(start + 86_400).unwrap();
    assert_eq!(left(&full, now), Err(from));
    assert_eq!(left(&full, from), Ok(1));
    // Dates a year ahead count as of now, for a day.
    let ahead = start + 365 * 86_400;
    let mut full = [retry(ahead), retry(ahead), retry(ahead)];
    assert!(move_from_the_future(&mut full, now) && !move_from_the_future(&mut full, now));
    let tomorrow = now.checked_add(SignedDuration::from_hours(24)).unwrap();
    assert_eq!((left(&full, now), left(&full, tomorrow)), (Err(tomorrow), Ok(MOST_A_DAY)));
}

//! The cloud without a network.

use renault_simulator::{Clock, Cloud, Config, End, Service};
use simulator::Request;

#[tokio::test]
async fn a_cloud_without_a_network_answers_the_same() {
    let cloud = Cloud::new(Config::default(), Clock::system());
    let form = "ApiKey=3_simulated-gigya-application-key-0001&loginID=owner@example.org&password=no";
    let request = Request::post("/accounts.login")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.as_bytes().to_vec())
        .unwrap();
    let End::Answered(answer) = cloud.exchange(Service::Gigya, request).await else { panic!("no answer") };
    assert!(answer.body.contains("403042"), "{}", answer.body);
    assert_eq!((cloud.control().counters().logins, cloud.control().violations().len()), (1, 0));
}

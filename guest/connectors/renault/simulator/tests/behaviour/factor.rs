//! The second factor by mail.

use crate::client::{Client, Reply};

/// What the steps hand on.
#[derive(Default)]
struct Steps {
    reg_token: String,
    assertion: String,
    phv: String,
    provider: String,
}

fn text(reply: &Reply, name: &str) -> String {
    assert_eq!(reply.gigya(), 0, "{}", reply.body);
    reply.json()[name].as_str().unwrap().to_owned()
}

async fn challenged() -> (Client, Steps) {
    let mut client = Client::new().await;
    client.control.require_second_factor(true);
    let reply = client.login().await;
    assert_eq!(reply.gigya(), 403_101);
    let reg_token = reply.json()["regToken"].as_str().unwrap().to_owned();
    (client, Steps { reg_token, ..Steps::default() })
}

/// A device, and a challenge that it took up.
async fn begun() -> (Client, Steps) {
    let (mut client, mut steps) = challenged().await;
    device(&mut client).await;
    let (gmid, ucid) = ids(&client);
    let pairs = [
        ("regToken", steps.reg_token.as_str()),
        ("provider", "gigyaEmail"),
        ("mode", "verify"),
        ("gmid", &gmid),
        ("ucid", &ucid),
    ];
    steps.assertion = text(&client.get("tfa.initTFA", &pairs).await, "gigyaAssertion");
    (client, steps)
}

async fn device(client: &mut Client) {
    let reply = client.get("webSdkBootstrap", &[]).await;
    let cookies = reply.headers.iter().filter(|(name, _)| name == "set-cookie");
    let pairs = cookies.map(|(_, value)| value.split(';').next().unwrap().to_owned());
    client.cookies = pairs.collect::<Vec<_>>().join("; ");
}

fn ids(client: &Client) -> (String, String) {
    let (gmid, ucid) = client.cookies.split_once("; ").unwrap();
    (gmid.strip_prefix("gmid=").unwrap().to_owned(), ucid.strip_prefix("ucid=").unwrap().to_owned())
}

async fn sent(client: &Client, steps: &mut Steps, mailbox: &str) -> String {
    let pairs = [("gigyaAssertion", steps.assertion.as_str()), ("emailID", mailbox), ("lang", "fr")];
    steps.phv = text(&client.get("tfa.email.sendVerificationCode", &pairs).await, "phvToken");
    client.control.mails().last().unwrap().code.clone()
}

async fn complete(client: &Client, steps: &Steps, code: &str) -> Reply {
    let pairs =
        [("gigyaAssertion", steps.assertion.as_str()), ("phvToken", steps.phv.as_str()), ("code", code)];
    client.get("tfa.email.completeVerification", &pairs).await
}

async fn finalize(client: &Client, steps: &Steps, temporary: &str) -> Reply {
    let pairs = [
        ("gigyaAssertion", steps.assertion.as_str()),
        ("providerAssertion", steps.provider.as_str()),
        ("regToken", steps.reg_token.as_str()),
        ("tempDevice", temporary),
    ];
    client.get("tfa.finalizeTFA", &pairs).await
}

async fn trusted(temporary: &str) -> Client {
    let (client, mut steps) = begun().await;
    let code = sent(&client, &mut steps, "mailbox-1").await;
    steps.provider = text(&complete(&client, &steps, &code).await, "providerAssertion");
    assert_eq!(finalize(&client, &steps, temporary).await.gigya(), 0);
    client
}

#[tokio::test]
async fn a_code_makes_a_device_that_needs_none() {
    let mut client = trusted("false").await;
    assert_eq!(client.login().await.gigya(), 0);
    assert_eq!(client.login().await.gigya(), 0);
    let counters = client.control.counters();
    assert_eq!((counters.challenges, counters.codes_sent, counters.logins_granted), (1, 1, 2));
    assert_eq!(client.wrongs(), [""; 0]);
    client.cookies.clear();
    assert_eq!(client.login().await.gigya(), 403_101, "another device");
}

#[tokio::test]
async fn a_wrong_code_leaves_the_challenge_open() {
    let (client, mut steps) = begun().await;
    let code = sent(&client, &mut steps, "mailbox-1").await;
    assert_eq!(complete(&client, &steps, "000000").await.gigya(), 400_006);
    assert_eq!(complete(&client, &steps, &code).await.gigya(), 0);
    assert_eq!(client.control.counters().codes_wrong, 1);
}

#[tokio::test]
async fn a_person_chooses_among_mailboxes_and_the_newest_code_counts() {
    let (client, mut steps) = begun().await;
    let reply = client.get("tfa.email.getEmails", &[("gigyaAssertion", &steps.assertion)]).await;
    assert_eq!(reply.json()["emails"][1]["id"], "mailbox-2");
    let old = sent(&client, &mut steps, "mailbox-1").await;
    let new = sent(&client, &mut steps, "mailbox-2").await;
    assert_eq!(client.control.mails().last().unwrap().to, "mailbox-2");
    assert_eq!(client.control.mails().last().unwrap().lang.as_deref(), Some("fr"));
    assert_eq!(complete(&client, &steps, &old).await.gigya(), 400_006);
    assert_eq!(complete(&client, &steps, &new).await.gigya(), 0);
}

#[tokio::test]
async fn a_temporary_device_signs_in_once() {
    let mut client = trusted("true").await;
    assert_eq!(client.login().await.gigya(), 0);
    assert_eq!(client.login().await.gigya(), 403_101);
}

#[tokio::test]
async fn devices_are_forgotten_on_demand_and_after_thirty_days() {
    let mut client = trusted("false").await;
    client.control.set_clock_ahead(31 * 86_400);
    assert_eq!(client.login().await.gigya(), 403_101);
    client.control.set_clock_ahead(0);
    assert_eq!(client.login().await.gigya(), 0);
    client.control.forget_devices();
    assert_eq!(client.login().await.gigya(), 403_101);
}

#[tokio::test]
async fn a_step_without_the_cookies_is_a_violation() {
    let (mut client, steps) = begun().await;
    client.cookies.clear();
    let reply = client.get("tfa.email.getEmails", &[("gigyaAssertion", &steps.assertion)]).await;
    assert_eq!(reply.gigya(), 400_002);
    assert_eq!(client.wrongs(), ["the cookies gmid and ucid of a device are missing"]);
}

#[tokio::test]
async fn another_device_cannot_go_on_with_a_challenge() {
    let (mut client, mut steps) = begun().await;
    device(&mut client).await;
    let pairs = [("gigyaAssertion", steps.assertion.as_str()), ("emailID", "mailbox-1")];
    assert_eq!(client.get("tfa.email.sendVerificationCode", &pairs).await.gigya(), 400_006);
    assert_eq!(client.control.counters().codes_sent, 0);
    steps.provider.clear();
}

#[tokio::test]
async fn nothing_is_finalized_that_was_not_verified() {
    let (mut client, mut steps) = begun().await;
    sent(&client, &mut steps, "mailbox-1").await;
    steps.provider = "made up".to_owned();
    assert_eq!(finalize(&client, &steps, "false").await.gigya(), 400_006);
    assert_eq!(client.login().await.gigya(), 403_101);
}

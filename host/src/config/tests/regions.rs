//! Tests of the regions that the connector for Hyundai and Kia has.

use super::*;

fn account(lines: &str) -> String {
    format!("{BROKER}[account.main]\nconnector = \"hyundai-kia-eu\"\n{lines}\n")
}

/// Where a secret may go to from an account, by name and URL.
fn sent_to(config: &Config, secret: &str) -> Vec<String> {
    let account = &config.accounts["main"];
    let rule = &account.rules[secret];
    let reached = account.endpoints.iter().filter(|endpoint| rule.endpoints.contains(&endpoint.name));
    reached.map(|endpoint| format!("{} {}", endpoint.name, endpoint.url)).collect()
}

#[test]
fn an_account_that_names_no_region_is_in_europe() {
    for lines in ["brand = \"kia\"", "brand = \"kia\"\nregion = \"eu\""] {
        let config = parse(&account(lines)).unwrap();
        assert_eq!(config.accounts["main"].region, "eu");
        assert_eq!(sent_to(&config, "password"), ["idp https://idpconnect-eu.kia.com/"]);
        assert_eq!(sent_to(&config, "gate-keys"), ["cci https://cci-api-eu.kia.com/"]);
    }
}

#[test]
fn outside_europe_a_password_goes_to_the_part_that_signs_in() {
    for (region, brand, host) in [
        ("au", "genesis", "au-apigw-genesis.ccs.hyundai.com.au:8081"),
        ("au", "hyundai", "au-apigw.ccs.hyundai.com.au:8080"),
        ("au", "kia", "au-apigw.ccs.kia.com.au:8082"),
        ("nz", "kia", "au-apigw.ccs.kia.com.au:8082"),
    ] {
        let config = parse(&account(&format!("brand = \"{brand}\"\nregion = \"{region}\""))).unwrap();
        let part = format!("account https://{host}/api/v1/user");
        for secret in ["username", "password", "account-code", "account-refresh-token"] {
            assert_eq!(sent_to(&config, secret), std::slice::from_ref(&part), "{region} {brand} {secret}");
        }
        assert_eq!(sent_to(&config, "pin"), [format!("ccapi https://{host}/")]);
        for secret in ["gate-keys", "refresh-token", "cci-refresh-token", "authorization-code"] {
            assert_eq!(sent_to(&config, secret), Vec::<String>::new(), "{region} {brand} {secret}");
        }
    }
}

#[test]
fn a_brand_that_is_not_in_a_region_is_told_with_those_that_are() {
    for brand in ["genesis", "hyundai"] {
        let told = complaints(&account(&format!("region = \"nz\"\nbrand = \"{brand}\"")));
        assert_eq!(
            told,
            format!(
                "car.toml:6: account.main.brand: this connector knows no {brand:?} in region \"nz\"; it knows in \"au\" \
                 genesis, hyundai, kia; in \"eu\" genesis, hyundai, kia; in \"nz\" kia"
            )
        );
    }
    let implied = format!("{BROKER}[account.main]\nconnector = \"genesis-eu\"\nregion = \"nz\"\n");
    assert!(complaints(&implied).contains("knows no \"genesis\" in region \"nz\""));
}

#[test]
fn a_secret_that_nothing_in_the_region_is_sent_is_one_to_remove() {
    let secrets = "username = \"${REFRESH}\"\nrefresh_token = \"${REFRESH}\"\ngate_keys = \"${THREE_LINES}\"";
    let warned = |region: &str| {
        let config = parse(&account(&format!("region = \"{region}\"\nbrand = \"kia\"\n{secrets}"))).unwrap();
        let all = config.warnings.iter().map(ToString::to_string);
        all.filter(|warning| warning.contains("of no use")).collect::<Vec<_>>()
    };
    assert_eq!(
        warned("au"),
        ["gate_keys", "refresh_token"].map(|key| format!(
            "3: [account.main]: {key} is of no use in region \"au\": no endpoint of the account is sent it; remove it"
        ))
    );
    assert_eq!(warned("eu"), Vec::<String>::new());
}

#[test]
fn a_password_that_signs_nothing_in_is_told_with_what_it_lacks() {
    let warned = |account: &str| {
        let config = parse(&format!("{BROKER}[account.main]\n{account}")).unwrap();
        let all = config.warnings.iter().map(ToString::to_string);
        all.filter(|warning| warning.contains("signs nothing in")).collect::<Vec<_>>().join("\n")
    };
    let password = "password = \"${REFRESH}\"";
    let all = format!("{password}\nusername = \"${{REFRESH}}\"\ngate_keys = \"${{THREE_LINES}}\"");
    let alone = warned(&format!("connector = \"kia-eu\"\n{password}"));
    assert!(
        alone.contains("password signs nothing in without username, so nothing is sent; add username_file")
    );
    assert!(alone.contains(
        "without gate_keys, so nothing is sent; add gate_keys_file = \"/path/to/file\" (The three"
    ));
    let genesis = warned(&format!("connector = \"genesis-eu\"\n{password}"));
    assert!(genesis.contains("without username") && !genesis.contains("gate_keys"), "{genesis}");
    let kiwi = warned(&format!("connector = \"kia-eu\"\nregion = \"nz\"\n{password}"));
    assert!(kiwi.contains("without username") && !kiwi.contains("gate_keys"), "{kiwi}");
    for nothing_missing in [format!("connector = \"kia-eu\"\n{all}"), "connector = \"kia-eu\"".to_owned()] {
        assert_eq!(warned(&nothing_missing), "");
    }
}

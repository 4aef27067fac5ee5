use super::*;
use crate::{
    knobs::{RecordKind, TestDomainRecords},
    seeds::SeedDomain,
};
use Operation::GetMailDomain;

fn records(bench: &mut Bench, id: &str, domain: &str) -> Vec<(String, String, String)> {
    let input = json!({"OrganizationId": id, "DomainName": domain});
    let got = bench.ok(GetMailDomain, input);
    let text = |record: &Value, name: &str| record[name].as_str().unwrap().to_owned();
    got["Records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| {
            (
                text(record, "Type"),
                text(record, "Hostname"),
                text(record, "Value"),
            )
        })
        .collect()
}

fn bench() -> (Bench, String) {
    let mut bench = Bench::immediate();
    let domain = SeedDomain::new("acme.example");
    let id = bench.seed(SeedOrganization::new("acme").with_domain(domain));
    (bench, id)
}

#[test]
fn a_domain_has_eight_records_in_the_services_order_and_form() {
    let (mut bench, id) = bench();
    let records = records(&mut bench, &id, "Acme.example");
    let shown: Vec<(&str, &str)> = records
        .iter()
        .map(|(kind, host, _)| (kind.as_str(), host.as_str()))
        .collect();
    let dkim: Vec<&str> = shown[3..6].iter().map(|(_, host)| *host).collect();
    assert_eq!(
        [&shown[..3], &shown[6..]].concat(),
        [
            ("MX", "acme.example."),
            ("TXT", "_amazonses.acme.example."),
            ("CNAME", "autodiscover.acme.example."),
            ("TXT", "acme.example."),
            ("TXT", "_dmarc.acme.example."),
        ]
    );
    assert_eq!(records[0].2, "10 inbound-smtp.us-east-1.amazonaws.com.");
    assert_eq!(
        (records[1].2.len(), records[1].2.ends_with('=')),
        (44, true)
    );
    assert_eq!(records[2].2, "autodiscover.mail.us-east-1.awsapps.com.");
    for (host, (kind, _, value)) in dkim.iter().zip(&records[3..6]) {
        let token = host.strip_suffix("._domainkey.acme.example.").unwrap();
        assert_eq!(token.len(), 32);
        assert!(
            token
                .bytes()
                .all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
        );
        assert_eq!(
            (kind.as_str(), value),
            ("CNAME", &format!("{token}.dkim.amazonses.com."))
        );
    }
    assert_eq!(records[6].2, "v=spf1 include:amazonses.com ~all");
    assert_eq!(records[7].2, "v=DMARC1;p=quarantine;pct=100;fo=1");
}

#[test]
fn records_stay_the_same_and_are_another_domains_in_another_region() {
    let (mut bench, id) = bench();
    let first = records(&mut bench, &id, "acme.example");
    assert_eq!(records(&mut bench, &id, "acme.example"), first);
    bench.caller = caller(ACCOUNT, "eu-west-1");
    let elsewhere = bench.seed(SeedOrganization {
        region: "eu-west-1".to_owned(),
        ..SeedOrganization::new("elsewhere").with_domain(SeedDomain::new("acme.example"))
    });
    let second = records(&mut bench, &elsewhere, "acme.example");
    for (place, (one, other)) in first.iter().zip(&second).enumerate() {
        assert_eq!(one == other, place >= 6, "{one:?}");
    }
}

#[test]
fn dots_and_order_of_records_are_knobs() {
    let (mut bench, id) = bench();
    bench.world.knobs.record_dots = false;
    bench.world.knobs.record_order = vec![RecordKind::Spf, RecordKind::Mx];
    let records = records(&mut bench, &id, "acme.example");
    assert_eq!(
        records
            .iter()
            .map(|(_, host, _)| host.as_str())
            .collect::<Vec<_>>(),
        ["acme.example", "acme.example"]
    );
    assert_eq!(records[1].2, "10 inbound-smtp.us-east-1.amazonaws.com");
}

#[test]
fn the_test_domain_shows_no_records_unless_the_knob_says_so() {
    let (mut bench, id) = bench();
    assert!(records(&mut bench, &id, "acme.awsapps.com").is_empty());
    bench.world.knobs.test_domain_records = TestDomainRecords::Full;
    assert_eq!(records(&mut bench, &id, "acme.awsapps.com").len(), 8);
}

#[test]
fn every_record_of_the_longest_name_is_within_the_models_bounds() {
    let (mut bench, id) = bench();
    let long = format!("{}example", "a.".repeat(101));
    assert_eq!(long.len(), 209);
    let input = json!({"OrganizationId": id, "DomainName": long});
    bench.ok(Operation::RegisterMailDomain, input);
    let records = records(&mut bench, &id, &long);
    // A host of 254 letters with its dot: this is why names end at 209.
    assert_eq!(records[3].1.len(), 254);
}

//! The DNS records of a domain.

use std::hash::{DefaultHasher, Hash, Hasher};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::ids::Location;

/// Returns the records of a domain in the order and form that was seen at the service (field).
pub(super) fn records(domain: &str, location: &Location) -> Vec<Value> {
    let region = &location.region;
    let ownership = BASE64_STANDARD.encode(token_bytes(domain, location, "ownership"));
    let dkim = ["dkim 1", "dkim 2", "dkim 3"].map(|purpose| {
        let token = dkim_token(domain, location, purpose);
        let value = format!("{token}.dkim.amazonses.com.");
        ("CNAME", format!("{token}._domainkey.{domain}."), value)
    });
    let before_dkim = [
        (
            "MX",
            format!("{domain}."),
            format!("10 inbound-smtp.{region}.amazonaws.com."),
        ),
        ("TXT", format!("_amazonses.{domain}."), ownership),
        (
            "CNAME",
            format!("autodiscover.{domain}."),
            format!("autodiscover.mail.{region}.awsapps.com."),
        ),
    ];
    let after_dkim = [
        (
            "TXT",
            format!("{domain}."),
            "v=spf1 include:amazonses.com ~all".to_owned(),
        ),
        (
            "TXT",
            format!("_dmarc.{domain}."),
            "v=DMARC1;p=quarantine;pct=100;fo=1".to_owned(),
        ),
    ];
    before_dkim
        .into_iter()
        .chain(dkim)
        .chain(after_dkim)
        .map(|(kind, host, value)| json!({"Type": kind, "Hostname": host, "Value": value}))
        .collect()
}

/// Returns 32 lower-case letters and digits.
fn dkim_token(domain: &str, location: &Location, purpose: &str) -> String {
    token_bytes(domain, location, purpose)
        .into_iter()
        .filter_map(|byte| char::from_digit(u32::from(byte) % 36, 36))
        .collect()
}

/// Returns 32 bytes that look random and are always the same for the same domain, location and
/// purpose. They are not secret.
fn token_bytes(domain: &str, location: &Location, purpose: &str) -> Vec<u8> {
    (0..4_u8)
        .flat_map(|part| {
            let mut hasher = DefaultHasher::new();
            (domain, location, purpose, part).hash(&mut hasher);
            hasher.finish().to_be_bytes()
        })
        .collect()
}

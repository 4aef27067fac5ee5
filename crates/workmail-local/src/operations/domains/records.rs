//! The DNS records of a domain.

use std::hash::{DefaultHasher, Hash, Hasher};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{
    ids::Place,
    knobs::{Knobs, RecordKind},
};

/// The records to publish for a domain, always the same for one account and region: they are those
/// of its identity in SES.
pub(super) fn records(domain: &str, place: &Place, knobs: &Knobs) -> Vec<Value> {
    let dot = if knobs.record_dots { "." } else { "" };
    let region = &place.region;
    let record = |kind: &str, host: String, value: String| json!({"Type": kind, "Hostname": format!("{host}{dot}"), "Value": value});
    let of_kind = |kind: &RecordKind| match kind {
        RecordKind::Mx => {
            let value = format!("10 inbound-smtp.{region}.amazonaws.com{dot}");
            vec![record("MX", domain.to_owned(), value)]
        }
        RecordKind::Ownership => {
            let token = BASE64_STANDARD.encode(secret(domain, place, "ownership"));
            vec![record("TXT", format!("_amazonses.{domain}"), token)]
        }
        RecordKind::Autodiscover => {
            let value = format!("autodiscover.mail.{region}.awsapps.com{dot}");
            vec![record("CNAME", format!("autodiscover.{domain}"), value)]
        }
        RecordKind::Dkim => ["dkim 1", "dkim 2", "dkim 3"]
            .map(|purpose| {
                let token = selector(domain, place, purpose);
                let value = format!("{token}.dkim.amazonses.com{dot}");
                record("CNAME", format!("{token}._domainkey.{domain}"), value)
            })
            .into(),
        RecordKind::Spf => {
            let value = "v=spf1 include:amazonses.com ~all".to_owned();
            vec![record("TXT", domain.to_owned(), value)]
        }
        RecordKind::Dmarc => {
            let value = "v=DMARC1;p=quarantine;pct=100;fo=1".to_owned();
            vec![record("TXT", format!("_dmarc.{domain}"), value)]
        }
    };
    knobs.record_order.iter().flat_map(of_kind).collect()
}

/// 32 lower-case letters and digits.
fn selector(domain: &str, place: &Place, purpose: &str) -> String {
    secret(domain, place, purpose)
        .into_iter()
        .filter_map(|byte| char::from_digit(u32::from(byte) % 36, 36))
        .collect()
}

/// 32 bytes that look like chance. Nobody has to be kept from guessing them.
fn secret(domain: &str, place: &Place, purpose: &str) -> Vec<u8> {
    (0..4_u8)
        .flat_map(|part| {
            let mut hasher = DefaultHasher::new();
            (domain, place, purpose, part).hash(&mut hasher);
            hasher.finish().to_be_bytes()
        })
        .collect()
}

//! The DNS records of the spec's domains, in the form that external-dns publishes.

use std::collections::{BTreeMap, BTreeSet};

use super::{DnsEntry, Endpoint, View};
use crate::api::DnsRecord;

impl View {
    /// What the `DNSEndpoint` should hold: the records of every domain of the spec that AWS has shown.
    #[must_use]
    pub fn dns_entries(&self) -> Vec<DnsEntry> {
        let domains = self.desired.domains.iter();
        let shown = domains.filter_map(|name| self.shown.domains.get(name)?.domain.as_ref());
        let details = shown.filter_map(|domain| domain.details.as_ref());
        entries(details.flat_map(|details| &details.records))
    }
}

impl View {
    /// Whether the `DNSEndpoint` holds what it should.
    pub(super) fn is_published(&self, seen: &Endpoint) -> bool {
        let wanted = self.dns_entries();
        match seen {
            Endpoint::Absent => wanted.is_empty(),
            Endpoint::Kept(entries) => *entries == wanted && !wanted.is_empty(),
            Endpoint::Foreign | Endpoint::KindNotInstalled => false,
        }
    }
}

/// One entry for each name and type. external-dns refuses names and targets that end in a dot, and
/// hands the value of a TXT record to the provider as it is, which wants it quoted.
fn entries<'a>(records: impl IntoIterator<Item = &'a DnsRecord>) -> Vec<DnsEntry> {
    let mut targets: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for record in records {
        let name = record.hostname.trim_end_matches('.').to_ascii_lowercase();
        let record_type = record.r#type.to_ascii_uppercase();
        let target = if record_type == "TXT" {
            let value = record.value.trim_matches('"');
            format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
        } else {
            record.value.trim_end_matches('.').to_owned()
        };
        if !name.is_empty() && !target.is_empty() {
            let all = targets.entry((name, record_type)).or_default();
            all.insert(target);
        }
    }
    targets
        .into_iter()
        .map(|((name, record_type), targets)| DnsEntry {
            name,
            record_type,
            targets: targets.into_iter().collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(r#type: &str, hostname: &str, value: &str) -> DnsRecord {
        DnsRecord {
            r#type: r#type.into(),
            hostname: hostname.into(),
            value: value.into(),
        }
    }

    fn entry(name: &str, record_type: &str, targets: &[&str]) -> DnsEntry {
        DnsEntry {
            name: name.into(),
            record_type: record_type.into(),
            targets: targets.iter().map(|target| (*target).to_owned()).collect(),
        }
    }

    #[test]
    fn dots_at_the_end_go_and_texts_are_quoted() {
        let records = [
            record(
                "MX",
                "Acme.example.",
                "10 inbound-smtp.us-east-1.amazonaws.com.",
            ),
            record(
                "CNAME",
                "autodiscover.acme.example.",
                "autodiscover.mail.us-east-1.awsapps.com.",
            ),
            record("TXT", "acme.example.", "v=spf1 include:amazonses.com ~all"),
        ];
        assert_eq!(
            entries(&records),
            [
                entry(
                    "acme.example",
                    "MX",
                    &["10 inbound-smtp.us-east-1.amazonaws.com"]
                ),
                entry(
                    "acme.example",
                    "TXT",
                    &["\"v=spf1 include:amazonses.com ~all\""]
                ),
                entry(
                    "autodiscover.acme.example",
                    "CNAME",
                    &["autodiscover.mail.us-east-1.awsapps.com"]
                ),
            ]
        );
    }

    #[test]
    fn records_of_one_name_and_type_are_one_entry() {
        let records = [
            record("TXT", "acme.example", "one"),
            record("TXT", "acme.example.", "two."),
            record("TXT", "acme.example.", "one"),
        ];
        assert_eq!(
            entries(&records),
            [entry("acme.example", "TXT", &["\"one\"", "\"two.\""])]
        );
    }
}

//! What was asked of the API server and of AWS, by those who answered.

use std::{collections::BTreeMap, fmt};

use kube::Client;
use workmail_local::{CallFilter, Server};

/// How often something was asked, by what it is called.
#[derive(Clone, Debug, Default)]
pub struct Counts(BTreeMap<String, u64>);

impl Counts {
    /// All together.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// One of them.
    pub fn of(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// What came since an earlier look.
    pub fn since(&self, before: &Self) -> Self {
        let newer = self.0.iter().map(|(name, count)| {
            let count = count - before.of(name);
            (name.clone(), count)
        });
        Self(newer.filter(|(_, count)| *count > 0).collect())
    }

    /// Each of them for one object, as `name 1.00, …`.
    pub fn per(&self, objects: usize) -> String {
        let each = |(name, count): (&String, &u64)| {
            format!("{name} {:.3}", *count as f64 / objects as f64)
        };
        self.0.iter().map(each).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = self.0.iter().map(|(name, count)| format!("{name} {count}"));
        f.write_str(&each.collect::<Vec<_>>().join(", "))
    }
}

/// What the API server says of itself.
pub struct ApiServer {
    /// The writes that it was asked for, refused ones too, as `resource/subresource verb`.
    ///
    /// The load's own are left out: nobody else creates or deletes the resources.
    pub writes: Counts,
    /// CPU seconds since its start.
    pub cpu: f64,
}

impl ApiServer {
    pub async fn now(client: &Client) -> Self {
        let request = http::Request::get("/metrics").body(Vec::new()).unwrap();
        let text = client.request_text(request).await.unwrap();
        let cpu = text
            .lines()
            .find_map(|line| line.strip_prefix("process_cpu_seconds_total "))
            .and_then(|value| value.parse().ok());
        Self {
            writes: writes_of(&text),
            cpu: cpu.unwrap(),
        }
    }
}

/// The writes that the API server was asked for.
pub async fn writes(client: &Client) -> Counts {
    ApiServer::now(client).await.writes
}

fn writes_of(text: &str) -> Counts {
    let mut counts = BTreeMap::new();
    let series = text
        .lines()
        .filter_map(|line| line.strip_prefix("apiserver_request_total{"));
    for line in series {
        let label = |name: &str| {
            let (_, rest) = line.split_once(&format!("{name}=\""))?;
            rest.split('"').next()
        };
        let value = line
            .rsplit(' ')
            .next()
            .and_then(|text| text.parse::<u64>().ok());
        let (Some(resource), Some(sub), Some(verb), Some(count)) =
            // `resource` is the end of `subresource`, which comes after it.
            (label(",resource"), label("subresource"), label("verb"), value)
        else {
            continue;
        };
        let counted = match (resource, sub, verb) {
            ("workmailorganizations", "", verb) => matches!(verb, "PUT" | "PATCH" | "APPLY"),
            ("workmailorganizations" | "events", _, verb) => {
                matches!(verb, "POST" | "PUT" | "PATCH" | "APPLY")
            }
            _ => false,
        };
        if counted {
            let slash = if sub.is_empty() { "" } else { "/" };
            *counts
                .entry(format!("{resource}{slash}{sub} {verb}"))
                .or_insert(0) += count;
        }
    }
    Counts(counts)
}

/// The calls that AWS has got since a mark, by operation.
pub fn calls(aws: &Server, mark: u64) -> Counts {
    calls_between(aws, mark, u64::MAX)
}

/// The calls after one mark, up to another and with it, by operation.
pub fn calls_between(aws: &Server, after: u64, last: u64) -> Counts {
    let mut counts = BTreeMap::new();
    let calls = aws.calls(&CallFilter::any().after(after));
    for call in calls.into_iter().filter(|call| call.sequence <= last) {
        *counts.entry(call.operation).or_insert(0) += 1;
    }
    Counts(counts)
}

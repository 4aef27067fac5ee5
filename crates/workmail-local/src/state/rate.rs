//! The limit on the rate of calls.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::{ids::Location, knobs::Throttle};

/// The token buckets of all locations.
#[derive(Debug, Default)]
pub(crate) struct Buckets(HashMap<Location, Bucket>);

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    /// When the tokens were counted.
    at: Timestamp,
}

impl Buckets {
    /// Takes a token from the bucket of a location. Returns whether there was one.
    pub(crate) fn take(&mut self, location: &Location, limit: &Throttle, now: Timestamp) -> bool {
        let most = f64::from(limit.burst);
        let bucket = self.0.entry(location.clone()).or_insert(Bucket {
            tokens: most,
            at: now,
        });
        let elapsed = now.duration_since(bucket.at).as_secs_f64().max(0.0);
        bucket.tokens = (bucket.tokens + elapsed * limit.per_second).min(most);
        bucket.at = now;
        let has_token = bucket.tokens >= 1.0;
        if has_token {
            bucket.tokens -= 1.0;
        }
        has_token
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::after;

    #[test]
    fn a_burst_is_followed_by_the_rate() {
        let limit = Throttle {
            per_second: 2.0,
            burst: 3,
            code: String::new(),
            status: 400,
        };
        let location = Location {
            account: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
        };
        let mut buckets = Buckets::default();
        let mut taken = |now| {
            let calls = (0..5).filter(|_| buckets.take(&location, &limit, now));
            calls.count()
        };
        let start = Timestamp::UNIX_EPOCH;
        assert_eq!(taken(start), 3);
        assert_eq!(taken(after(start, Duration::from_secs(1))), 2);
        assert_eq!(taken(after(start, Duration::from_mins(1))), 3);
    }
}

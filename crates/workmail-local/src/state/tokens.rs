//! Client tokens: a call that is repeated with its token is the same call.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    clock::before,
    contract::Operation,
    ids::{Location, OrganizationId},
    span::Lifetime,
};

/// A token of an operation in a location. Other operations and locations have tokens of their own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TokenKey {
    pub(crate) location: Location,
    pub(crate) operation: Operation,
    pub(crate) token: String,
}

/// The first call with a token, and its answer.
#[derive(Clone, Debug)]
pub(crate) struct StoredAnswer {
    pub(crate) at: Timestamp,
    /// The input without the token.
    pub(crate) input: Value,
    pub(crate) organization: OrganizationId,
    /// The output; `None` if the operation has none.
    pub(crate) output: Option<Value>,
}

/// All tokens.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    by_key: HashMap<TokenKey, StoredAnswer>,
    by_age: VecDeque<(Timestamp, TokenKey)>,
}

impl Tokens {
    /// Returns the answer of a token that has not expired.
    pub(crate) fn get(
        &self,
        key: &TokenKey,
        lifetime: Lifetime,
        now: Timestamp,
    ) -> Option<&StoredAnswer> {
        self.by_key
            .get(key)
            .filter(|stored| is_valid(stored.at, lifetime, now))
    }

    /// Stores the answer of a token, and removes expired tokens.
    pub(crate) fn put(&mut self, key: TokenKey, answer: StoredAnswer, lifetime: Lifetime) {
        let now = answer.at;
        while let Some((at, oldest)) = self.by_age.front()
            && !is_valid(*at, lifetime, now)
        {
            if self
                .by_key
                .get(oldest)
                .is_some_and(|stored| stored.at == *at)
            {
                self.by_key.remove(oldest);
            }
            self.by_age.pop_front();
        }
        self.by_age.push_back((now, key.clone()));
        self.by_key.insert(key, answer);
    }
}

fn is_valid(at: Timestamp, lifetime: Lifetime, now: Timestamp) -> bool {
    lifetime.span().is_none_or(|span| at > before(now, span))
}

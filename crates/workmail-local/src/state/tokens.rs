//! Client tokens: a call that is repeated with its token is the same call.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    clock::before,
    contract::Operation,
    ids::{OrganizationId, Place},
    span::Lifetime,
};

/// Whose token it is, and for what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TokenKey {
    pub(crate) place: Place,
    pub(crate) operation: Operation,
    pub(crate) token: String,
}

/// What a token stands for.
#[derive(Clone, Debug)]
pub(crate) struct Remembered {
    pub(crate) at: Timestamp,
    /// The input, the token aside.
    pub(crate) input: Value,
    pub(crate) organization: OrganizationId,
    /// The output; `None` where the operation has none.
    pub(crate) answer: Option<Value>,
}

/// All tokens.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    by_key: HashMap<TokenKey, Remembered>,
    by_age: VecDeque<(Timestamp, TokenKey)>,
}

impl Tokens {
    /// What a token stands for, if it is not too old.
    pub(crate) fn get(
        &self,
        key: &TokenKey,
        lifetime: Lifetime,
        now: Timestamp,
    ) -> Option<&Remembered> {
        self.by_key
            .get(key)
            .filter(|found| is_fresh(found.at, lifetime, now))
    }

    /// Remembers a token, and forgets those that are too old.
    pub(crate) fn put(&mut self, key: TokenKey, remembered: Remembered, lifetime: Lifetime) {
        let now = remembered.at;
        while let Some((at, oldest)) = self.by_age.front()
            && !is_fresh(*at, lifetime, now)
        {
            if self.by_key.get(oldest).is_some_and(|found| found.at == *at) {
                self.by_key.remove(oldest);
            }
            self.by_age.pop_front();
        }
        self.by_age.push_back((now, key.clone()));
        self.by_key.insert(key, remembered);
    }
}

fn is_fresh(at: Timestamp, lifetime: Lifetime, now: Timestamp) -> bool {
    lifetime.span().is_none_or(|span| at > before(now, span))
}

//! `NextToken`: a position in a list, sealed so that nobody makes one up.

use std::hash::{BuildHasher, RandomState};

use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::listing::Position;

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PageToken {
    /// The list: operation, account, region, organization.
    pub(crate) list: String,
    /// When it was given out.
    pub(crate) issued: Timestamp,
    pub(crate) position: Position,
}

/// The seal on tokens, another one in every process.
#[derive(Debug, Default)]
pub(crate) struct Seal(RandomState);

impl Seal {
    pub(crate) fn close(&self, token: &PageToken) -> Result<String, serde_json::Error> {
        let text = serde_json::to_string(token)?;
        let seal = self.0.hash_one(&text);
        Ok(BASE64_STANDARD.encode(format!("{seal:016x}{text}")))
    }

    /// Reads a token; `None` for anything that this seal was not put on.
    pub(crate) fn open(&self, sealed: &str) -> Option<PageToken> {
        let bytes = BASE64_STANDARD.decode(sealed).ok()?;
        let (seal, text) = std::str::from_utf8(&bytes).ok()?.split_at_checked(16)?;
        let genuine = format!("{:016x}", self.0.hash_one(text)) == seal;
        if genuine {
            serde_json::from_str(text).ok()
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> PageToken {
        PageToken {
            list: "ListOrganizations 123456789012 us-east-1".to_owned(),
            issued: Timestamp::UNIX_EPOCH,
            position: Position::Name("acme".to_owned(), 7),
        }
    }

    #[test]
    fn a_token_reads_back_as_it_was_given_out() {
        let seal = Seal::default();
        let sealed = seal.close(&token()).unwrap();
        assert!(sealed.len() <= 1024);
        assert_eq!(seal.open(&sealed), Some(token()));
    }

    #[test]
    fn a_token_of_another_make_is_not_read() {
        let seal = Seal::default();
        let foreign = Seal::default().close(&token()).unwrap();
        let unsealed = BASE64_STANDARD.encode(serde_json::to_string(&token()).unwrap());
        for text in [
            "",
            "AAAA",
            "not base64!",
            foreign.as_str(),
            unsealed.as_str(),
        ] {
            assert_eq!(seal.open(text), None, "{text}");
        }
    }
}

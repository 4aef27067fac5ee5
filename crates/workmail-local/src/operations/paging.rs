//! Pages of lists.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::ApiError;
use crate::state::State;

/// The size of a page without MaxResults, which is the largest that the model allows.
const DEFAULT_SIZE: usize = 100;

/// The members of an input that ask for a page.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PageInput {
    next_token: Option<String>,
    max_results: Option<usize>,
}

/// A page of a list whose items have numbers in ascending order.
pub(super) struct Page<'s> {
    state: &'s State,
    list: String,
    /// The number of the last item before the page.
    pub(super) after: u64,
    size: usize,
}

impl<'s> Page<'s> {
    /// Returns the page of `list` that the input asks for.
    ///
    /// # Errors
    /// The token is not one of this list.
    pub(super) fn of(state: &'s State, list: String, input: PageInput) -> Result<Self, ApiError> {
        let after = match input.next_token {
            None => 0,
            Some(token) => state
                .page_tokens
                .read(&list, &token)
                .ok_or_else(|| ApiError::invalid_parameter("The NextToken is not valid."))?,
        };
        Ok(Self {
            state,
            list,
            after,
            size: input.max_results.unwrap_or(DEFAULT_SIZE),
        })
    }

    /// Returns the output of a list operation. `items` are those after [`Page::after`].
    pub(super) fn output(self, name: &str, items: impl Iterator<Item = (u64, Value)>) -> Value {
        let mut items: Vec<_> = items.take(self.size + 1).collect();
        let has_more = items.len() > self.size;
        items.truncate(self.size);
        let last = items.last().filter(|_| has_more).map(|(number, _)| *number);
        let mut output = Map::new();
        if let Some(last) = last {
            let token = self.state.page_tokens.issue(&self.list, last);
            output.insert("NextToken".to_owned(), token.into());
        }
        let items = items.into_iter().map(|(_, item)| item).collect();
        output.insert(name.to_owned(), items);
        Value::Object(output)
    }
}

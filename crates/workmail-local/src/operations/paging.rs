//! Pages of lists.

use serde_json::{Map, Value};

use super::{ApiError, Request};
use crate::{
    clock::after,
    knobs::CodedError,
    state::{PageToken, Position, World},
};

/// The size of a page that nobody asked a size for: the model's bound.
const PAGE: usize = 100;

/// One page, and the token of the next if there is one.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) next: Option<PageToken>,
}

impl<T> Page<T> {
    pub(super) fn take(
        rest: impl Iterator<Item = T>,
        size: Option<usize>,
        token: impl FnOnce(&T) -> PageToken,
    ) -> Self {
        let size = size.unwrap_or(PAGE);
        let mut items: Vec<T> = rest.take(size + 1).collect();
        let more = items.len() > size;
        items.truncate(size);
        let next = items.last().filter(|_| more).map(token);
        Self { items, next }
    }
}

/// Where a list goes on.
pub(super) fn position(
    world: &World,
    request: &Request<'_>,
    token: Option<&str>,
    list: &str,
) -> Result<Option<Position>, ApiError> {
    let Some(token) = token else { return Ok(None) };
    let lifetime = world.knobs.page_token_lifetime.span();
    world
        .seal
        .open(token)
        .filter(|token| token.list == list)
        .filter(|token| lifetime.is_none_or(|span| request.now < after(token.issued, span)))
        .map(|token| Some(token.position))
        .ok_or_else(|| {
            ApiError::coded(&CodedError {
                code: world.knobs.bad_page_token_code.clone(),
                message: "The NextToken is not valid.".to_owned(),
                status: 400,
            })
        })
}

/// The output of a list operation.
pub(super) fn output(
    world: &World,
    name: &str,
    items: Vec<Value>,
    next: Option<PageToken>,
) -> Result<Value, ApiError> {
    let mut output = Map::new();
    output.insert(name.to_owned(), Value::Array(items));
    if let Some(token) = next {
        let sealed = world.seal.close(&token).map_err(|_| ApiError::internal())?;
        output.insert("NextToken".to_owned(), Value::from(sealed));
    }
    Ok(Value::Object(output))
}

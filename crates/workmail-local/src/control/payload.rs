//! The bodies of control requests.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
};
use serde::de::DeserializeOwned;

use super::ControlError;

/// A JSON body. The content type is ignored, because `curl -d` says that the body is a form.
pub(super) struct Payload<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Payload<T> {
    type Rejection = ControlError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ControlError> {
        let unread = |error: &dyn std::fmt::Display| ControlError::Body(error.to_string());
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|error| unread(&error))?;
        serde_json::from_slice(&body)
            .map(Self)
            .map_err(|error| unread(&error))
    }
}

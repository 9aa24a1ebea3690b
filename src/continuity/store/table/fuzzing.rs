//! What the fuzz targets reach of the table.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::{answer, entity};
use crate::continuity::store::{ExpiredRow, Key, Row, StoreError};

/// One row, or why it counts as not there.
pub(crate) fn read(body: &[u8]) -> Result<Result<Row, &'static str>, StoreError> {
    Ok(match entity::read(body)? {
        entity::Reading::Row(row) => Ok(*row),
        entity::Reading::Unreadable(reason) => Err(reason),
    })
}

/// The rows of a page, and the keys of those that were not understood.
pub(crate) fn read_listing(body: &[u8]) -> Result<(Vec<ExpiredRow>, Vec<Key>), StoreError> {
    let listing = entity::read_listing(body)?;
    let unreadable = listing.unreadable.into_iter().map(|(key, _)| key);
    Ok((listing.rows, unreadable.collect()))
}

/// A row as it is written, without and with its key.
pub(crate) fn write(key: &Key, row: &Row) -> [String; 2] {
    [entity::write(row), entity::write_with_key(key, row)]
}

/// What an answer of the service means; its body where it is a success.
pub(crate) fn answer(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Option<Bytes>, StoreError> {
    let body = Bytes::copy_from_slice(body);
    Ok(match answer::read(status, headers, body, "do this")? {
        answer::Answer::Success(success) => Some(success.body),
        _ => None,
    })
}

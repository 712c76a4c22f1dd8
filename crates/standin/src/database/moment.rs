//! An instant as both dialects keep it: `timestamptz` in PostgreSQL, RFC 3339 text in SQLite.

use chrono::{DateTime, SecondsFormat, SubsecRound as _, TimeDelta, Utc};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo, PgValueFormat, PgValueRef};
use sqlx::sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef};
use sqlx::{Decode, Encode, Postgres, Sqlite, Type};

/// PostgreSQL's number for the type `timestamptz`.
const TIMESTAMPTZ: Oid = Oid(1184);
/// 2000-01-01T00:00:00Z, from which PostgreSQL counts, in Unix seconds.
const POSTGRES_EPOCH: DateTime<Utc> = DateTime::from_timestamp(946_684_800, 0).expect("a valid constant");

/// A point in time, to the millisecond, as the neighbours' JSON shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(DateTime<Utc>);

impl Moment {
    /// The instant.
    #[must_use]
    pub fn at(self) -> DateTime<Utc> {
        self.0
    }

    /// RFC 3339 in UTC with milliseconds and `Z`, as JavaScript writes a date.
    #[must_use]
    pub fn text(self) -> String {
        self.0.to_rfc3339_opts(SecondsFormat::Millis, true)
    }
}

impl From<DateTime<Utc>> for Moment {
    fn from(at: DateTime<Utc>) -> Self {
        Self(at.trunc_subsecs(3))
    }
}

impl Type<Sqlite> for Moment {
    fn type_info() -> SqliteTypeInfo {
        <str as Type<Sqlite>>::type_info()
    }
}

impl Encode<'_, Sqlite> for Moment {
    fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        <String as Encode<Sqlite>>::encode(self.text(), buffer)
    }
}

impl<'r> Decode<'r, Sqlite> for Moment {
    fn decode(value: SqliteValueRef<'r>) -> Result<Self, BoxDynError> {
        let text = <&str as Decode<Sqlite>>::decode(value)?;
        Ok(Self(DateTime::parse_from_rfc3339(text)?.to_utc()))
    }
}

impl Type<Postgres> for Moment {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ)
    }

    fn compatible(column: &PgTypeInfo) -> bool {
        column.oid() == Some(TIMESTAMPTZ)
    }
}

impl Encode<'_, Postgres> for Moment {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let since = self.0 - POSTGRES_EPOCH;
        let micros = since.num_microseconds().ok_or("the instant is out of PostgreSQL's range")?;
        <i64 as Encode<Postgres>>::encode(micros, buffer)
    }
}

impl<'r> Decode<'r, Postgres> for Moment {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        match value.format() {
            PgValueFormat::Binary => {
                let micros = <i64 as Decode<Postgres>>::decode(value)?;
                Ok(Self(POSTGRES_EPOCH + TimeDelta::microseconds(micros)))
            }
            PgValueFormat::Text => Err("instants are only read from prepared statements".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_as_text_is_the_order_in_time() {
        let moments = [0, 1, 999, 1_000, 1_700_000_000_000_i64]
            .map(|ms| Moment::from(DateTime::from_timestamp_millis(ms).expect("in range")).text());
        assert!(moments.is_sorted());
        assert_eq!(moments[1], "1970-01-01T00:00:00.001Z");
    }

    #[test]
    fn what_is_below_a_millisecond_is_dropped() {
        let fine = DateTime::from_timestamp_nanos(1_999_999);
        assert_eq!(Moment::from(fine).text(), "1970-01-01T00:00:00.001Z");
    }
}

//! The hash that puts a unit at a point from 0 to 1: GrowthBook's, so that assignments can be checked with
//! anybody's tools.

/// FNV-1a, 32 bits.
fn fnv1a(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// A unit's point by the second version of the hash: at least 0 and below 1, in ten-thousandths.
#[must_use]
pub fn point(seed: &str, unit: &str) -> f64 {
    let once = fnv1a(&format!("{seed}{unit}"));
    f64::from(fnv1a(&once.to_string()) % 10_000) / 10_000.0
}

/// A unit's point by a version of the hash. The first one correlates the arms of experiments that run side by
/// side, and is here to check old assignments and for exclusive groups only. None for an unknown version.
#[must_use]
pub fn point_by_version(seed: &str, unit: &str, version: u32) -> Option<f64> {
    match version {
        1 => Some(f64::from(fnv1a(&format!("{unit}{seed}")) % 1_000) / 1_000.0),
        2 => Some(point(seed, unit)),
        _ => None,
    }
}

/// Whether a unit falls into the range that an experiment has of an exclusive group.
#[must_use]
pub fn is_in_group(unit: &str, group: &str, from: f64, to: f64) -> bool {
    point_by_version(&format!("__{group}"), unit, 1).is_some_and(|point| from <= point && point < to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::near;

    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!((fnv1a("a"), fnv1a("foobar")), (0xe40c_292c, 0xbf9c_f968));
    }

    #[test]
    fn points_are_those_of_the_specification() {
        // AC-01 (GrowthBook's test cases, specification 0.8.0).
        for (seed, unit, version, expected) in [
            ("", "a", 1, 0.22),
            ("", "b", 1, 0.077),
            ("b", "a", 1, 0.946),
            ("ef", "d", 1, 0.652),
            ("asdf", "8952klfjas09ujk", 1, 0.549),
            ("", "123", 1, 0.011),
            ("", "___)((*\":&", 1, 0.563),
            ("seed", "a", 2, 0.0505),
            ("seed", "b", 2, 0.2696),
            ("foo", "ab", 2, 0.2575),
            ("foo", "def", 2, 0.2019),
            ("89123klj", "8952klfjas09ujkasdf", 2, 0.124),
            ("90850943850283058242805", "123", 2, 0.7516),
            ("()**(%$##$%#$#", "___)((*\":&", 2, 0.0128),
        ] {
            near(point_by_version(seed, unit, version).unwrap(), expected, 1e-9);
        }
        assert_eq!(point_by_version("seed", "a", 99), None);
    }

    #[test]
    fn personas_fall_where_they_should() {
        // AC-01, computed with the reference implementation.
        for (name, expected) in [
            ("anna", 0.8147),
            ("ben", 0.3674),
            ("clara", 0.6618),
            ("david", 0.5507),
            ("eva", 0.2035),
            ("felix", 0.3595),
            ("greta", 0.6489),
            ("hans", 0.5246),
            ("ida", 0.1211),
            ("jonas", 0.4082),
        ] {
            near(point("strategy-exp-1", &format!("persona.{name}@mana.test")), expected, 1e-9);
        }
    }

    #[test]
    fn groups_are_those_of_the_specification() {
        // AC-02.
        for (unit, group, from, to, inside) in [
            ("1", "namespace1", 0.0, 0.4, false),
            ("1", "namespace1", 0.4, 1.0, true),
            ("3", "namespace2", 0.0, 0.4, true),
            ("3", "namespace2", 0.4, 1.0, false),
            ("4", "namespace1", 0.0, 0.4, false),
        ] {
            assert_eq!(is_in_group(unit, group, from, to), inside, "{unit} in {group}");
        }
    }
}

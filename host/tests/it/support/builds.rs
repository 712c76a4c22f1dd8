//! Builds of plugins: good ones, bad ones, and any number of different ones.

use domain::ids::PluginName;
use persona_host::behavior::Source;

/// The misbehaving plugin, which is built for these tests only.
const MISFIT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/misfit.wasm"));
/// What a test overwrites in it.
const MARK: &str = "misdeed=nothing...........";

/// A good build; another one for each number.
pub(crate) fn good(number: u32) -> Vec<u8> {
    numbered(&misfit("nothing"), number)
}

/// A build that misbehaves in this way, whatever its settings say.
pub(crate) fn misfit(misdeed: &str) -> Vec<u8> {
    let word = format!("misdeed={misdeed}");
    renamed(MISFIT, MARK, &format!("{word:.<width$}", width = MARK.len()))
}

/// A plugin that is part of the program.
pub(crate) fn built_in(name: &str) -> Vec<u8> {
    Source::built_in(&PluginName::new(name)).unwrap().bytes.to_vec()
}

/// The same component with a custom section, which makes it another build.
pub(crate) fn numbered(component: &[u8], number: u32) -> Vec<u8> {
    let content = [b"\x06number".as_slice(), &number.to_le_bytes()].concat();
    [component, &[0, u8::try_from(content.len()).unwrap()], &content].concat()
}

/// The component with every occurrence of `from` overwritten; names keep their length.
pub(crate) fn renamed(component: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len(), "a name has its length written before it");
    let mut bytes = component.to_vec();
    let mut found = 0;
    for start in 0..bytes.len() - from.len() {
        if bytes[start..].starts_with(from.as_bytes()) {
            bytes[start..start + from.len()].copy_from_slice(to.as_bytes());
            found += 1;
        }
    }
    assert!(found > 0, "{from} is not in the component");
    bytes
}

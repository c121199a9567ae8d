/**
 * A limit for a guest's memory. JavaScript has none for a memory that a module makes for itself: it may grow to 4 GiB within one
 * call. So the most that it may have is written into the module before it is compiled.
 */

const MEMORY_SECTION = 5;
/** Bytes in a page. */
export const PAGE = 65_536;
const HAS_MAXIMUM = 1;

/** More than it may have, from the beginning. */
export class TooMuchMemory extends Error {
  override readonly name = 'TooMuchMemory';
}

/**
 * Returns the module with the maximum of its memories lowered to `bytes`.
 *
 * @throws TooMuchMemory when it has more from the beginning
 */
export function withMemoryOf(bytes: number, module: Uint8Array): Uint8Array<ArrayBuffer> {
  const pages = Math.floor(bytes / PAGE);
  const parts: Uint8Array[] = [module.subarray(0, 8)];
  for (let at = 8; at < module.length; ) {
    const size = number(module, at + 1);
    const end = size.end + size.value;
    const isMemories = module[at] === MEMORY_SECTION;
    parts.push(isMemories ? memories(module, size.end, pages) : module.subarray(at, end));
    at = end;
  }
  return joined(parts);
}

function memories(module: Uint8Array, at: number, pages: number): Uint8Array {
  const count = number(module, at);
  const content: number[] = [...written(count.value)];
  let place = count.end;
  for (let left = count.value; left > 0; left -= 1) {
    const flags = module[place] ?? 0;
    // Shared memories and those of 64 bits are none that a policy can have: no toolchain makes them without threads.
    if (flags > HAS_MAXIMUM) throw new TooMuchMemory('its memory is shared or of 64 bits');
    const minimum = number(module, place + 1);
    const maximum = flags === HAS_MAXIMUM ? number(module, minimum.end) : undefined;
    if (minimum.value > pages) {
      throw new TooMuchMemory(
        `it has ${kib(minimum.value)} of memory from the beginning, and may have ${kib(pages)}`,
      );
    }
    content.push(
      HAS_MAXIMUM,
      ...written(minimum.value),
      ...written(Math.min(pages, maximum?.value ?? pages)),
    );
    place = (maximum ?? minimum).end;
  }
  return Uint8Array.of(MEMORY_SECTION, ...written(content.length), ...content);
}

/** Reads an unsigned number in LEB128. */
function number(bytes: Uint8Array, at: number): { value: number; end: number } {
  let value = 0;
  for (let place = at, shift = 0; ; place += 1, shift += 7) {
    const byte = bytes[place];
    if (byte === undefined || shift > 28) throw new TypeError('this is no module');
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return { value, end: place + 1 };
  }
}

/** Writes an unsigned number in LEB128. */
function written(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function kib(pages: number): string {
  return `${pages * 64} KiB`;
}

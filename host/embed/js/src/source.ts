/** Where a policy comes from. These types need no library of a browser's or of Node's. */

/** The interface that a policy exports. */
export const INTERFACE = 'vehicle:connector/policy@0.2.0';

/** What a prepared module exports: what `vehicle-connector prepare` has made of a component. */
export interface Prepared {
  /** What it is and was made of. */
  readonly vehicleConnectorPolicy: {
    /** The interface and its version. */
    readonly interface: string;
    /** SHA-256 of the component, in hexadecimal. */
    readonly digest: string;
    /** The core modules by their names, in base64. */
    readonly cores: Readonly<Record<string, string>>;
  };
  /** The binding: links the core modules and returns what the component exports. */
  readonly instantiate: (...args: never[]) => unknown;
}

/**
 * Where a prepared policy is: a path (in Node; relative to the working directory), an address, as a text or a `URL`, or the
 * module itself, which is how bundlers see it.
 */
export type Source = string | { readonly href: string } | Prepared;

/** Limits of a policy. */
export interface Limits {
  /** The memory that a policy may have, in bytes. 8 MiB unless set, as the host's. */
  memory?: number;
  /**
   * The number of calls that an instance answers. 1,000 of the default policy, and 1 of any other unless set: more is faster,
   * and right for a policy that remembers nothing.
   */
  calls?: number;
}

/** The most that a message shows of a source, which may be a `data:` URL. */
const LONGEST_NAME = 200;

/** The path or address; none of a module. */
export function addressIn(source: Source): string | undefined {
  if (typeof source === 'string') return source;
  return 'href' in source ? source.href : undefined;
}

/** The source in words. */
export function nameOf(source: Source): string {
  return addressIn(source)?.slice(0, LONGEST_NAME) ?? 'the module';
}

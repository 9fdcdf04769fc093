import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../../test/fixtures/surveys.ts";
import { findHub } from "./hub.ts";
import { decodeCall, decodeResponse, encodeCall, encodeResponse } from "./xmlrpc.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());

describe("XML-RPC", () => {
  it("comes back as it was written", () => {
    const value = { text: 'a < b & "c" ü', list: ["1", { deep: [] }, ""], map: {} };
    expect(decodeCall(encodeCall("samp.hub.notifyAll", ["key", value]))).toEqual({
      method: "samp.hub.notifyAll",
      params: ["key", value],
    });
    expect(decodeResponse(encodeResponse(value))).toEqual(value);
  });
  it("is read as Python and Java write it, and faults are thrown", () => {
    const call =
      "<?xml version='1.0'?>\n<methodCall>\n<methodName>m</methodName>\n<params>\n<param>\n<value>bare</value>\n</param><param><value><i4>7</i4></value></param><param><value/></param>\n</params>\n</methodCall>";
    expect(decodeCall(call)).toEqual({ method: "m", params: ["bare", "7", ""] });
    expect(() =>
      decodeResponse(
        "<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>1</int></value></member><member><name>faultString</name><value><string>no</string></value></member></struct></value></fault></methodResponse>",
      ),
    ).toThrow("no");
    for (const wrong of [
      "",
      "<html></html>",
      "<methodCall><methodName>m</methodName><params><param><value><array><data>",
    ])
      expect(() => decodeCall(wrong)).toThrow();
  });
});

describe("hubs", () => {
  it("are those of this machine that a lock file names", () => {
    const lock = join(folder.path, "lock");
    const found = (url: string) => {
      writeFileSync(lock, `# SAMP\nsamp.secret=abc\nsamp.hub.xmlrpc.url=${url}\n`);
      return findHub({ SAMP_HUB: `std-lockurl:file://${lock}` });
    };
    expect(found("http://127.0.0.1:21012/xmlrpc")).toEqual({ url: "http://127.0.0.1:21012/xmlrpc", secret: "abc" });
    expect(found("http://example.org/xmlrpc")).toBeNull();
    expect(findHub({ SAMP_HUB: "std-lockurl:http://example.org/lock" })).toBeNull();
    expect(findHub({ SAMP_HUB: `std-lockurl:file://${lock}-none` })).toBeNull();
  });
});

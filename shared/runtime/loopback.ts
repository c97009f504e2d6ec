/** Whether only programs on this machine can connect to the host. @param hostname as a URL or an address has it, IPv6 with brackets or without */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/.test(hostname);
}
